// Runs before the first paint: the chosen theme, else the system's.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("cloudia-theme");
  } catch {
    // storage may be forbidden; then the system decides
  }
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.bsTheme = chosen === "dark" || chosen === "light" ? chosen : system;
})();
