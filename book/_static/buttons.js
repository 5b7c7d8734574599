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
