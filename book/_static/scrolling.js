// What scrolls within the page can be reached by Tab, and then scrolled with the arrow keys. The theme does this for
// code and tables as they are at first; here for every box that custom.css lets scroll, and again when a fold opens or
// the width changes.
const boxes = "pre, table, figure, div.math, mjx-container, .cell_output, .cell_output > .output";
const reach = () => {
  for (const box of document.querySelectorAll(`.bd-article :is(${boxes})`)) {
    const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth;
    if (scrolls) box.tabIndex = 0;
    else if (box.tabIndex === 0) box.removeAttribute("tabindex");
  }
};
document.addEventListener("toggle", reach, true);
window.addEventListener("load", () => {
  (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reach);
  // Not the window's own resize: the sidebars move after it, and the text's width with them.
  for (const article of document.querySelectorAll(".bd-article")) new ResizeObserver(reach).observe(article);
});
