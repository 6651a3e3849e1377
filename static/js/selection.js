// Lists: the selected rows drive the toolbar. Every row brings the server's verdicts (data-actions); this only chooses.
//
// <div data-list>  toolbar (components/toolbar.html)  <tr data-id data-name data-actions='{"stop": {...}}'>
// The head's checkbox is [data-all], the row's is [data-pick]. The selection survives swaps, as far as rows are there.

const chosen = new WeakMap(); // list -> Set of ids

const rowsOf = (list) => [...list.querySelectorAll("[data-id]")];
const idsOf = (list) => chosen.get(list) ?? chosen.set(list, new Set()).get(list);
const verdict = (row, action) => JSON.parse(row.dataset.actions)[action] ?? { allowed: false, reason: "" };
const fillIn = (element, n) => (element.textContent = element.dataset.some.replace("{n}", n));

// Why the button can't act on what is selected: {reason, href?, link?}, or null.
function refusal(button, rows, none) {
  if (!rows.length) return { reason: none };
  if (rows.length > 1 && button.dataset.oneOnly) return { reason: button.dataset.oneOnly };
  const verdicts = rows.map((row) => verdict(row, button.dataset.act));
  return verdicts.some(({ allowed }) => allowed) ? null : verdicts[0];
}

function say(place, refused) {
  place.textContent = refused?.reason ?? "";
  if (!refused?.href || place.matches("small")) return; // inside the sheet's button a link can't be
  place.append(" ", Object.assign(document.createElement("a"), { href: refused.href, textContent: refused.link }));
}

function paintButton(button, rows, none) {
  const refused = refusal(button, rows, none);
  if (refused) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
  say(button.querySelector("small") ?? button.parentElement.querySelector(".why"), refused);
  button.querySelector(".cnt")?.remove();
  if (refused || rows.length < 2) return;
  const able = rows.filter((row) => verdict(row, button.dataset.act).allowed).length;
  const count = Object.assign(document.createElement("span"), { className: "cnt num" });
  count.textContent = able === rows.length ? able : `${able}/${rows.length}`;
  button.append(count);
}

// One row, and nothing may be done to it by hand because of its owner: said once under the toolbar.
function paintNote(list, rows) {
  const note = list.querySelector("[data-note]");
  const verdicts = rows.length === 1 ? Object.values(JSON.parse(rows[0].dataset.actions)) : [];
  const refused = verdicts.find(({ allowed, href }) => !allowed && href);
  note.hidden = !refused;
  if (!refused) return;
  note.querySelector("[data-note-text]").textContent = refused.reason;
  Object.assign(note.querySelector("[data-note-link]"), { href: refused.href, textContent: refused.link });
}

function paintCounts(list, all, rows) {
  const label = list.querySelector("[data-selected]");
  if (rows.length) fillIn(label, rows.length);
  else label.textContent = label.dataset.none;
  for (const button of list.querySelectorAll("[data-unselect]")) button.hidden = !rows.length;
  const dock = list.querySelector("[data-dock]");
  dock.hidden = !rows.length;
  fillIn(dock.querySelector("[data-some]"), rows.length);
  const head = list.querySelector("[data-all]");
  if (!head) return; // the list is empty
  head.checked = rows.length > 0 && rows.length === all.length;
  head.indeterminate = rows.length > 0 && rows.length < all.length;
}

function paint(list) {
  const ids = idsOf(list);
  const all = rowsOf(list);
  const rows = all.filter((row) => ids.has(row.dataset.id));
  chosen.set(list, new Set(rows.map((row) => row.dataset.id))); // what is no longer shown is no longer selected
  for (const row of all) {
    const on = rows.includes(row);
    row.classList.toggle("is-on", on);
    row.querySelector("[data-pick]").checked = on;
  }
  const { none } = list.querySelector("[data-toolbar]").dataset;
  for (const button of list.querySelectorAll("[data-act][data-url]")) paintButton(button, rows, none);
  paintNote(list, rows);
  paintCounts(list, all, rows);
}

function act(list, button) {
  const { nil } = list.querySelector("[data-toolbar]").dataset;
  const ids = [...idsOf(list)];
  const url = ids.length > 1
    ? `${button.dataset.bulkUrl}?${new URLSearchParams(ids.map((id) => ["id", id]))}`
    : button.dataset.url.replace(nil, ids[0]);
  list.querySelector("[data-sheet]").close();
  if ("page" in button.dataset) location.assign(url);
  else htmx.ajax("GET", url, { target: "#dialog", swap: "innerHTML" });
}

function select(list, change) {
  change(idsOf(list));
  paint(list);
}

function clickRow(list, row, event) {
  if (event.target.closest("a, button, input, label") || getSelection().toString()) return;
  const alone = !event.ctrlKey && !event.metaKey && !event.shiftKey;
  select(list, (ids) => {
    const was = ids.has(row.dataset.id);
    if (alone) ids.clear();
    if (was) ids.delete(row.dataset.id);
    else ids.add(row.dataset.id);
  });
}

document.addEventListener("click", (event) => {
  const list = event.target.closest("[data-list]");
  if (!list?.querySelector("[data-toolbar]")) return;
  const button = event.target.closest("[data-act][data-url]");
  const row = event.target.closest("[data-id]");
  if (button) act(list, button);
  else if (event.target.closest("[data-unselect]")) select(list, (ids) => ids.clear());
  else if (event.target.closest("[data-open-sheet]")) list.querySelector("[data-sheet]").showModal();
  else if (row) clickRow(list, row, event);
});

document.addEventListener("change", (event) => {
  const list = event.target.closest("[data-list]");
  if (event.target.matches("[data-all]")) {
    const rows = event.target.checked ? rowsOf(list) : [];
    select(list, (ids) => (ids.clear(), rows.forEach((row) => ids.add(row.dataset.id))));
  } else if (event.target.matches("[data-pick]")) {
    const { id } = event.target.closest("[data-id]").dataset;
    select(list, (ids) => (event.target.checked ? ids.add(id) : ids.delete(id)));
  }
});

const paintAll = () => document.querySelectorAll("[data-list]:has([data-toolbar])").forEach(paint);
document.addEventListener("htmx:afterSwap", paintAll);
document.addEventListener("rows:gone", paintAll);
addEventListener("pageshow", paintAll); // the browser may restore ticks on its own
paintAll();
