// Dark mode belongs to the screen: paper takes the theme's light colours, and the screen gets back what it had.
const root = document.documentElement;
let onScreen;
matchMedia("print").addEventListener("change", ({ matches }) => {
  if (matches) onScreen = root.dataset.theme;
  root.dataset.theme = matches ? "light" : onScreen;
});
