// The create page: the dialog of images stands inside the form, and its list can be narrowed.

const images = document.querySelector("[data-images]");

document.addEventListener("click", (event) => {
  if (event.target.closest('[data-open="images"]')) images.showModal();
});

function narrow() {
  const words = images.querySelector("[data-narrow]").value.trim().toLowerCase();
  const wanted = images.querySelector('[name="visibility"]:checked').value;
  const options = [...images.querySelectorAll("[data-visibility]")];
  for (const option of options) {
    const seen = !wanted || option.dataset.visibility === wanted;
    option.hidden = !seen || !option.textContent.toLowerCase().includes(words);
  }
  images.querySelector("[data-no-match]").hidden = !options.length || options.some((option) => !option.hidden);
}
images.addEventListener("input", narrow);

// Enter in the search box would send the whole form.
images.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault();
  if (event.target.matches('[name="image"]')) images.close();
});
