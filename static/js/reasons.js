// Buttons that say why: aria-disabled keeps the focus, does nothing, and its bubble stays on the screen.

const EDGE = 8;

document.addEventListener(
  "click",
  (event) => {
    if (!event.target.closest('[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true, // before htmx and everybody else
);

// Enter in a field submits through the form's first submit button even if that is only aria-disabled.
document.addEventListener(
  "submit",
  (event) => {
    const button = event.submitter ?? event.target.querySelector('[type="submit"]');
    if (button?.getAttribute("aria-disabled") !== "true") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

function place(event) {
  const slot = event.target.closest?.(".act");
  const bubble = slot?.querySelector(".why");
  if (!bubble || bubble.classList.contains("up")) return;
  if (slot.closest(".table-wrap")) return pin(bubble, slot.getBoundingClientRect());
  bubble.classList.remove("end");
  bubble.classList.toggle("end", bubble.getBoundingClientRect().right > innerWidth - EDGE);
}

// A scrolling table would cut the bubble off, so it is placed by the window there.
function pin(bubble, box) {
  bubble.classList.add("fixed");
  bubble.style.left = `${Math.max(EDGE, Math.min(box.left, innerWidth - bubble.offsetWidth - EDGE))}px`;
  bubble.style.top = `${box.bottom + 6}px`;
}

document.addEventListener("mouseover", place);
document.addEventListener("focusin", place);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const slot of document.querySelectorAll(".act:hover, .act:focus-within")) slot.classList.add("shut");
});
for (const name of ["focusout", "mouseout"]) {
  document.addEventListener(name, (event) => {
    const slot = event.target.closest?.(".act.shut");
    if (slot && !slot.contains(event.relatedTarget)) slot.classList.remove("shut");
  });
}
