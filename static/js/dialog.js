// The page's one dialog is filled by htmx (hx-target="#dialog") and opened as modal: the browser keeps the focus inside,
// closes it on Esc and gives the focus back. Bigger dialogs carry .lg on their form.

const dialog = document.getElementById("dialog");

let opener = null; // by id, because a live update may have replaced the button meanwhile

function open() {
  if (!dialog.open) {
    opener = document.activeElement;
    dialog.showModal();
  }
  const first = dialog.querySelector(".is-invalid") ?? dialog.querySelector("[autofocus]");
  first?.focus({ preventScroll: true });
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog || !dialog.firstElementChild) return;
  dialog.classList.toggle("lg", dialog.firstElementChild.classList.contains("lg"));
  open();
});
document.addEventListener("dialog:close", () => dialog.close());

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  if (opener && !opener.isConnected && opener.id) document.getElementById(opener.id)?.focus();
  opener = null;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  if (event.target.matches("dialog.dlg")) event.target.close(); // the backdrop belongs to the dialog
});

// Typing the name frees the button that destroys.
document.addEventListener("input", (event) => {
  const input = event.target.closest("[data-confirm-name]");
  const button = input?.closest("dialog").querySelector("[data-confirm-button]");
  if (!button) return;
  const same = input.value === input.dataset.confirmName;
  if (same) button.removeAttribute("aria-disabled");
  else button.setAttribute("aria-disabled", "true");
  button.parentElement.querySelector(".why").hidden = same;
});

// One press is enough: while the request runs its button is busy.
const busy = (form, on) => {
  for (const button of form.querySelectorAll('[type="submit"]:not([data-confirm-button][aria-disabled])')) button.disabled = on;
};
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest?.("#dialog form")) busy(event.target, true);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.closest?.("#dialog form")) busy(event.target, false);
});
