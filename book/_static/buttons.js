// The header's buttons for full screen and printing. The theme writes them as handlers in attributes, which the
// pages' Content-Security-Policy refuses; _extensions/csp.py turns those into data-action.
const actions = {
  fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
  print: () => window.print(),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) actions[button.dataset.action]?.();
});

// The theme takes the focus from the header's buttons when they are pressed. Who pressed one with a key stays there.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (event.detail === 0 && document.activeElement === document.body) button?.focus();
});
