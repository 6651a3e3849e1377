// Small things that every page has: theme, copy buttons, showing a password, the search key, and the way back to the login page.

const COPIED_MS = 1200;

function switchTheme() {
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("cloudia-theme", root.dataset.bsTheme);
  } catch {
    // not remembered, but switched
  }
  document.dispatchEvent(new CustomEvent("themechange"));
}

// navigator.clipboard is missing on plain http; a selected text field still works there.
async function write(text, near) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "visually-hidden" });
  near.append(field); // inside an open dialog nothing outside can be selected
  field.select();
  document.execCommand("copy");
  field.remove();
  near.focus();
}

async function copy(button) {
  await write(button.dataset.copy, button);
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), COPIED_MS);
}

function reveal(button) {
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-toggle], [data-copy], [data-reveal]");
  if (!button) return;
  if (button.dataset.copy) copy(button);
  else if (button.dataset.reveal) reveal(button);
  else switchTheme();
});

// "/" goes to the search, unless it is being typed somewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
  const field = document.querySelector("[data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
});

// A session that ended answers a fragment with the login page: go there as a whole, and come back afterwards.
document.addEventListener("htmx:beforeSwap", (event) => {
  const login = document.body.dataset.loginUrl;
  const answered = event.detail.xhr.responseURL;
  if (!answered || new URL(answered).pathname !== login) return;
  event.detail.shouldSwap = false;
  location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
});
