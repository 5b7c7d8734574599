// Moves the figures that d2lcnn.insight.Explorer writes: each holds its frames as JSON, and its inputs choose one.
for (const figure of document.querySelectorAll("figure.explorer")) {
  const { parameters, start, texts, frames, elements } = JSON.parse(figure.querySelector("script").textContent);
  const form = figure.querySelector("form");
  const picture = figure.querySelector("svg");
  const sentence = figure.querySelector(".explorer-text");
  const inputs = parameters.map(([name]) => form.elements.namedItem(name)); // a slider, or the list of a name's buttons
  let shown;

  const show = (position) => {
    const frame = position.reduce((index, i, axis) => index * parameters[axis][1].length + i, 0);
    if (frame === shown) return;
    shown = frame;
    const values = parameters.map(([, words], axis) => words[position[axis]]);
    parameters.forEach((_, axis) => {
      inputs[axis].value = position[axis];
      if (inputs[axis].type === "range") {
        inputs[axis].setAttribute("aria-valuetext", values[axis]);
        inputs[axis].closest("label").querySelector("output").textContent = values[axis];
      }
    });
    picture.innerHTML = frames[frame].map((i) => elements[i]).join("");
    const named = parameters.map(([name], axis) => `${name} = ${values[axis]}`).join(", ");
    picture.setAttribute("aria-label", `${named}: ${texts[frame]}`);
    sentence.textContent = texts[frame];
  };
  const chosen = () => inputs.map((input) => Number(input.value));

  for (const input of form.elements) input.disabled = false;
  form.addEventListener("input", () => show(chosen()));
  form.addEventListener("submit", (event) => event.preventDefault());
  show(chosen());

  // Paper shows the first frame, whatever the reader had chosen.
  let before = start;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) before = chosen();
    show(matches ? start : before);
  });
}
