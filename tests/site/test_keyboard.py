"""The site without a mouse: what a reader reaches, opens, chooses and copies with keys alone."""

from __future__ import annotations

import pytest

from .browsing import visit

pytestmark = pytest.mark.site

# Something about the focused element is drawn that is not drawn otherwise.
OUTLINED = """async () => {
    const settle = async () => { for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); };
    const drawn = e => { const s = getComputedStyle(e);
        return [s.outlineStyle === 'none' ? '' : s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor,
                s.textDecorationLine, s.textDecorationThickness, s.backgroundColor, s.color].join(' '); };
    const element = document.activeElement;
    await settle();
    const focused = drawn(element);
    element.blur();
    await settle();
    return focused !== drawn(element);
}"""


@pytest.fixture
def open_page(browser, quick_address):
    """Open a page of the book in a context of its own."""
    contexts = []

    def give(name, width=1440, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **settings))
        page, problems = visit(contexts[-1], quick_address, name)
        assert not problems
        page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = false; })")
        return page

    yield give
    for context in contexts:
        context.close()


def tab_to(page, selector, most=80):
    """Press Tab until the focus lies on what the selector means."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    pytest.fail(f"{most} times Tab do not reach {selector}")


def test_the_first_stop_skips_to_the_text(open_page):
    page = open_page("book/index.html")
    page.keyboard.press("Tab")
    assert "main content" in page.evaluate("() => document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => !!document.activeElement.closest('main')")


def test_the_focus_is_seen_at_every_stop(open_page):
    page = open_page("book/index.html", reduced_motion="reduce")  # else a ring that fades in is not there yet
    unseen = []
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement === document.body"):
            continue  # between the last stop and the first
        stop = page.evaluate("() => document.activeElement.outerHTML.slice(0, 120)")
        # Blurring loses the place, so the element itself is asked, focused again for the next Tab.
        handle = page.evaluate_handle("() => document.activeElement")
        if not page.evaluate(OUTLINED):
            unseen.append(stop)
        handle.evaluate("e => e.focus()")
    assert not unseen, "\n".join(unseen)


def test_the_navigation_of_a_phone_opens_and_closes(open_page):
    page = open_page("book/index.html", width=360)
    menu = page.locator(".bd-sidebar-primary a[href$='glossary.html']").first
    assert not menu.is_visible()
    tab_to(page, ".primary-toggle")
    page.keyboard.press("Enter")
    menu.wait_for(state="visible")
    page.keyboard.press("Escape")
    menu.wait_for(state="hidden")


def test_the_theme_is_chosen(open_page):
    page = open_page("book/index.html", color_scheme="light")
    tab_to(page, ".theme-switch-button")
    seen = set()
    for _ in range(3):
        page.keyboard.press("Enter")
        seen.add(page.evaluate("() => document.documentElement.dataset.mode"))
    assert seen == {"light", "dark", "auto"}


def test_a_solution_unfolds(open_page):
    page = open_page("book/lenet.html")
    solution = page.locator("details.solution").first
    assert not solution.evaluate("e => e.open")
    solution.locator("summary").focus()
    page.keyboard.press("Enter")
    assert solution.evaluate("e => e.open")
    assert solution.locator("p").first.is_visible()


def test_a_box_that_scrolls_is_a_stop_and_scrolls(open_page):
    page = open_page("book/lenet.html", width=360)
    box = page.locator(".bd-article pre[tabindex='0']").first
    box.focus()
    before = box.evaluate("e => e.scrollLeft")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("([e, x]) => e.scrollLeft > x", arg=[box.element_handle(), before])


def test_the_code_is_copied(open_page):
    page = open_page("book/lenet.html", permissions=["clipboard-read", "clipboard-write"])
    cell = page.locator("div.highlight:has(button.copybtn)").first
    cell.locator("button.copybtn").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('import d2lcnn')")


def test_who_wants_less_motion_gets_none(open_page):
    """Nothing on the page is animated for longer than a blink, and nothing passes gradually from one look to another."""
    page = open_page("book/lenet.html", reduced_motion="reduce")
    moving = page.evaluate("""() => [...document.querySelectorAll('body *')].filter(e => {
        const s = getComputedStyle(e), longer = (durations, most) => durations.split(',').some(t => parseFloat(t) > most);
        return (longer(s.animationDuration, 0.01) && s.animationName !== 'none') || longer(s.transitionDuration, 0);
    }).map(e => e.outerHTML.slice(0, 100))""")
    assert not moving, f"{len(moving)} elements: {moving[:5]}"
    assert page.evaluate("() => getComputedStyle(document.documentElement).scrollBehavior") == "auto"
