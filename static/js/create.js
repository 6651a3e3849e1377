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

// The dialog of a script: filled by the server, opened when it is there.
const script = document.querySelector("[data-script]");
document.addEventListener("script:open", () => {
  if (!script.open) script.showModal();
  (script.querySelector(".is-invalid") ?? script.querySelector("[name=script_name]")).focus();
});
document.addEventListener("scripts:changed", () => script.close());

// A file is read here: what is no text can't be sent as a field.
script.addEventListener("change", async (event) => {
  const input = event.target.closest("[data-script-file]");
  const file = input?.files[0];
  if (!file) return;
  const problem = script.querySelector("[data-script-problem]");
  const say = (text) => {
    problem.textContent = text;
    problem.classList.toggle("d-block", Boolean(text));
  };
  input.value = ""; // the same file may be chosen again
  if (file.size > 65_536) return say(input.dataset.tooLong);
  try {
    script.querySelector("[name=script_content]").value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    say("");
  } catch {
    return say(input.dataset.notText);
  }
  const name = script.querySelector("[name=script_name]");
  name.value ||= file.name;
});

script.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input:not([type=file])")) return;
  event.preventDefault(); // it would send the whole form
  script.querySelector("#save-script").click();
});
