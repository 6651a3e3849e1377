// Tabs: htmx fetches the fragment and keeps the tab in the address (hx-replace-url); here is what the keyboard and
// screen readers need. https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ (automatic activation off: fragments cost time)

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

function choose(tab) {
  for (const other of tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')) {
    const on = other === tab;
    other.classList.toggle("active", on);
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
  }
  document.getElementById(tab.getAttribute("aria-controls")).setAttribute("aria-labelledby", tab.id);
  tab.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function move(tab, key) {
  const tabs = [...tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')];
  const ends = { Home: 0, End: tabs.length - 1 };
  const next = ends[key] ?? (tabs.indexOf(tab) + STEPS[key] + tabs.length) % tabs.length;
  tabs[next].focus();
}

document.addEventListener("click", (event) => {
  const tab = event.target.closest('[data-tabs] [role="tab"]');
  if (tab) choose(tab);
});
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.('[data-tabs] [role="tab"]');
  if (!tab) return;
  if (event.key in STEPS || event.key === "Home" || event.key === "End") {
    event.preventDefault();
    move(tab, event.key);
  } else if (event.key === " ") {
    event.preventDefault();
    tab.click();
  }
});
