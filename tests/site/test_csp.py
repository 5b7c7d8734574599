"""Each page's Content-Security-Policy: what it says, what it refuses, and that every built page has one."""

from __future__ import annotations

import base64
import hashlib

import pytest

PAGE = '<!DOCTYPE html>\n<html lang="en">\n<head>\n  <meta charset="utf-8" />\n{head}</head><body>{body}</body></html>'


@pytest.fixture(scope="module")
def csp(extension):
    return extension("csp")


def sha256(code):
    return "'sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() + "'"


def test_an_inline_script_is_allowed_by_its_hash_and_nothing_else_is(csp):
    page = csp.protect(PAGE.format(head="<script>\nlet a = '>';\n</script>", body=""))
    assert sha256("\nlet a = '>';\n") in page
    policy = csp.policy(page)
    assert policy.startswith(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'sha256-"
    )
    assert "unsafe-eval" not in policy
    assert policy.count("unsafe-inline") == 1


def test_the_policy_comes_before_every_script(csp):
    page = csp.protect(PAGE.format(head="<script>1</script>", body=""))
    assert page.index('charset="utf-8"') < page.index("Content-Security-Policy") < page.index("<script>")


def test_files_and_data_need_no_hash(csp):
    body = '<script src="a.js"></script><script type="application/json">{"a": 1}</script>'
    assert "sha256" not in csp.protect(PAGE.format(head="", body=body))
    assert "sha256" in csp.protect(PAGE.format(head="", body='<script type="module">1</script>'))


def test_windows_line_breaks_are_hashed_as_the_browser_sees_them(csp):
    assert sha256("\n1\n") in csp.protect(PAGE.format(head="", body="<script>\r\n1\r\n</script>"))


def test_known_handlers_become_data(csp):
    page = csp.protect(
        PAGE.format(head="", body='<button class="b" onclick="window.print()" title="a > b">x</button>')
    )
    assert '<button class="b" data-action="print" title="a > b">' in page


@pytest.mark.parametrize(
    "body",
    [
        '<a onclick="other()">x</a>',
        "<img onerror='x()'>",
        '<a href="javascript:x()">x</a>',
        '<svg onload="x()">',
    ],
)
def test_what_no_hash_can_allow_stops_the_build(csp, body):
    with pytest.raises(ValueError, match="cannot be allowed by a hash"):
        csp.protect(PAGE.format(head="", body=body))


def test_text_and_code_that_look_like_handlers_are_left_alone(csp):
    body = '<p>write onclick="x()" here</p><script>let s = \'<a onclick="x()">\'</script>'
    assert body in csp.protect(PAGE.format(head="", body=body))


def test_a_second_pass_changes_nothing(csp):
    page = csp.protect(PAGE.format(head="<script>1</script>", body=""))
    assert csp.protect(page) == page
    bare = '<meta http-equiv="Refresh" content="0; url=book/index.html" />\n'
    assert csp.protect(bare) == bare


@pytest.mark.site
def test_every_page_carries_the_policy_of_what_it_holds(csp, pages):
    for path, page in pages.items():
        text = path.read_text(encoding="utf-8")
        assert text.count("Content-Security-Policy") == 1, str(page)
        assert f'content="{csp.policy(text)}"' in text, str(page)


@pytest.mark.site
def test_the_browser_keeps_to_it(browser, address):
    """A script that the build did not hash, a foreign picture and eval are refused on a built page."""
    with browser.new_context() as context:
        page = context.new_page()
        heard = []
        page.on("console", lambda message: heard.append(message.text))
        page.goto(f"{address}/book/lenet.html")
        page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = 'window.intruder = true';
                document.head.append(script);
                const image = new Image();
                image.src = 'https://example.org/spy.png';
                document.body.append(image);
            }"""
        )
        page.wait_for_timeout(200)
        assert page.evaluate("() => window.intruder") is None
        assert any("script-src" in text for text in heard)
        assert any("spy.png" in text and "default-src" in text for text in heard)


@pytest.mark.site
def test_the_buttons_for_full_screen_and_print_work_under_it(browser, address):
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script("window.print = () => { window.printed = true; }")
        page.goto(f"{address}/book/lenet.html")
        page.locator('[data-action="fullscreen"]').first.click()
        page.wait_for_function("() => document.fullscreenElement !== null")
        page.evaluate("() => document.exitFullscreen()")
        page.locator(".dropdown-download-buttons > button").click()
        page.locator('[data-action="print"]').click()
        assert page.evaluate("() => window.printed")
