"""A page on paper: what is wrong with it once the reader has printed it from the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .browsing import TWO_FRAMES

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What A4 leaves between the margins of print.css: 174 mm, at 96 pixels to the inch.
WIDTH = 657
FOLD = "() => document.querySelectorAll('details').forEach(d => { d.open = false; })"
PRINTED = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    const seen = element => element.checkVisibility({visibilityProperty: true});
    const problems = [];
    const excess = document.documentElement.scrollWidth - window.innerWidth;
    if (excess > 0) problems.push(`it is ${excess} px wider than the paper`);
    for (const element of all('article *')) {
        const box = element.getBoundingClientRect();
        if (box.width && seen(element) && box.right > window.innerWidth + 1 && !element.closest('mjx-assistive-mml, svg'))
            problems.push(`cut at the right: ${element.outerHTML.slice(0, 100)}`);
        const {overflowX} = getComputedStyle(element);
        if (element.scrollWidth > element.clientWidth + 1 && /auto|scroll|hidden/.test(overflowX) && seen(element)
            && !element.closest('mjx-container, svg'))
            problems.push(`hidden in a box: ${element.outerHTML.slice(0, 100)}`);
    }
    for (const element of all('header.bd-header, .bd-header-article, .bd-sidebar, .prev-next-footer, .headerlink, footer, '
            + 'button, input, select'))
        if (seen(element)) problems.push(`of no use on paper: ${element.outerHTML.slice(0, 100)}`);
    for (const element of all('details:not(.screen-only) > :not(summary)'))
        if (!seen(element) || !element.getBoundingClientRect().height)
            problems.push(`folded: ${element.outerHTML.slice(0, 100)}`);
    for (const image of all('article img')) {
        const {objectFit} = getComputedStyle(image), {width, height} = image.getBoundingClientRect();
        if (objectFit !== 'contain' && Math.abs(height - width * image.naturalHeight / image.naturalWidth) > 2)
            problems.push(`out of shape: ${image.src}`);
    }
    for (const link of all('a.spell-out'))
        if (!getComputedStyle(link, '::after').content.includes(link.getAttribute('href')))
            problems.push(`no address: ${link.outerHTML}`);
    return problems;
}"""


def on_paper(page: Page) -> list[str]:
    """Fold on an open page what can be folded, print it, and say what is wrong; it stays as printed."""
    page.evaluate(FOLD)
    # Both before the next frame: a long page takes up to a second to be laid out.
    page.emulate_media(media="print")
    page.set_viewport_size({"width": WIDTH, "height": 900})
    page.evaluate(TWO_FRAMES)
    return [f"on paper: {problem}" for problem in page.evaluate(PRINTED)]
