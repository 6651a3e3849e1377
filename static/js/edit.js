// The edit page: a slider and its number say the same, and neither leaves its limits.

function clamp(input) {
  const value = Number.parseFloat(input.value);
  if (Number.isNaN(value)) return;
  input.value = Math.min(Math.max(value, Number(input.min)), Number(input.max));
}

document.addEventListener("input", (event) => {
  const { pair } = event.target.dataset;
  if (pair) document.getElementById(pair).value = event.target.value;
  else if (event.target.id) {
    const slider = document.querySelector(`[data-pair="${CSS.escape(event.target.id)}"]`);
    if (slider) slider.value = event.target.value;
  }
});

document.addEventListener(
  "change",
  (event) => {
    if (document.querySelector(`[data-pair="${CSS.escape(event.target.id)}"]`)) clamp(event.target);
  },
  true, // before the plan is asked for
);
