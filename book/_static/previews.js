// Shows what a glossary term or a citation leads to while the pointer or the keyboard's focus is on its link.
// The pointer may move onto the preview, Escape closes it, and a finger's tap follows the link as ever (WCAG 1.4.13).
const texts = JSON.parse(document.getElementById("previews").textContent);
const box = document.createElement("div");
box.id = "preview";
box.setAttribute("role", "tooltip");
box.hidden = true;
document.body.append(box);

let shown = null; // the link whose preview is open
let timer = 0;

function later(action, milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(action, milliseconds);
}

function show(link) {
  hide();
  const [heading, text] = texts[link.getAttribute("href")];
  box.replaceChildren();
  if (heading) {
    const strong = document.createElement("strong");
    strong.textContent = heading;
    box.append(strong);
  }
  box.append(text);
  box.hidden = false;
  shown = link;
  link.setAttribute("aria-describedby", box.id);
  place(link);
}

function hide() {
  clearTimeout(timer);
  box.hidden = true;
  shown?.removeAttribute("aria-describedby");
  shown = null;
}

// Below the link's first line, or above where there is more room; within the window from side to side.
function place(link) {
  const line = link.getClientRects()[0];
  const room = document.documentElement.clientWidth - box.offsetWidth - 8;
  const left = Math.max(8, Math.min(line.left, room));
  const below = line.bottom + box.offsetHeight + 8 <= window.innerHeight || line.top < box.offsetHeight + 8;
  const top = below ? line.bottom + 4 : line.top - box.offsetHeight - 4;
  box.style.left = `${left + window.scrollX}px`;
  box.style.top = `${top + window.scrollY}px`;
}

for (const link of document.querySelectorAll("article a.reference.internal")) {
  if (!Object.hasOwn(texts, link.getAttribute("href"))) continue;
  link.classList.add("has-preview");
  link.removeAttribute("title"); // the browser would show it besides
  link.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "touch") later(() => show(link), shown ? 0 : 200);
  });
  link.addEventListener("pointerleave", () => later(hide, 250));
  link.addEventListener("focus", () => {
    if (link.matches(":focus-visible")) show(link);
  });
  link.addEventListener("blur", hide);
}
box.addEventListener("pointerenter", () => clearTimeout(timer));
box.addEventListener("pointerleave", () => later(hide, 250));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
