// The rule editor of a security group: rows come and go without asking the server, which would do the same.
// Rows are sent as columns (in-protocol, in-ports, ...), so nothing has to be numbered but what is read out.

const FRESH_MS = 2400; // css: fresh
const LISTS = { group: "group-names", cidr: "network-names" };

const form = document.getElementById("rules");
const control = (row, column) => row.querySelector(`[name$="-${column}"]`);

function renumber(table) {
  const section = table.closest("[data-rules]");
  const rows = [...table.tBodies[0].rows];
  rows.forEach((row, index) => {
    const rule = `${section.dataset.noun} ${index + 1}`;
    for (const element of row.querySelectorAll("[data-name]")) element.setAttribute("aria-label", `${rule} ${element.dataset.name}`);
    row.querySelector('[name="remove"]').value = `${section.dataset.rules}:${index}`;
  });
  section.querySelector("[data-count]").textContent = rows.length;
}

// Only TCP and UDP have ports. What was typed comes back with the protocol.
function fitPorts(row) {
  const ports = control(row, "ports");
  const has = ["tcp", "udp"].includes(control(row, "protocol").value);
  if (has === !ports.readOnly) return;
  if (!has) ports.dataset.kept = ports.value;
  ports.value = has ? ports.dataset.kept ?? "" : "";
  ports.readOnly = !has;
  ports.placeholder = has ? form.dataset.allPorts : "–";
}

function fitValue(row) {
  control(row, "value").setAttribute("list", LISTS[control(row, "kind").value]);
}

function tell() {
  form.dispatchEvent(new CustomEvent("rules:changed"));
}

function show(row) {
  row.classList.add("is-fresh");
  setTimeout(() => row.classList.remove("is-fresh"), FRESH_MS);
  const value = control(row, "value");
  (value.value ? control(row, "protocol") : value).focus();
}

function add(button) {
  const section = button.closest("[data-rules]");
  const table = section.querySelector("table");
  table.tBodies[0].append(section.querySelector("template").content.cloneNode(true));
  const row = table.tBodies[0].lastElementChild;
  for (const column of ["protocol", "ports", "value"]) {
    if (button.dataset[column]) control(row, column).value = button.dataset[column];
  }
  fitPorts(row);
  renumber(table);
  show(row);
  tell();
}

function remove(button) {
  const row = button.closest("tr");
  const table = row.closest("table");
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  renumber(table);
  (next?.querySelector('[name="remove"]') ?? table.closest("[data-rules]").querySelector('[id^="add-"]')).focus();
  tell();
}

form.addEventListener("click", (event) => {
  const button = event.target.closest('[name="add"], [name="remove"]');
  if (!button) return;
  event.preventDefault();
  if (button.name === "add") add(button);
  else remove(button);
});

form.addEventListener("change", (event) => {
  const row = event.target.closest("tr");
  if (!row) return;
  if (event.target === control(row, "protocol")) fitPorts(row);
  if (event.target === control(row, "kind")) fitValue(row);
  if (event.target === control(row, "value")) event.target.title = event.target.value;
});

// What is wrong, or was brought here to be saved, is where to go on: once the browser has gone to the address's #anchor.
function begin() {
  const way = new URLSearchParams(location.search).get("add");
  const brought = way && document.querySelector(`[data-rules="${CSS.escape(way)}"] tbody > tr:last-child`);
  if (brought) show(brought);
  else form.querySelector(".is-invalid")?.focus();
}
addEventListener("load", begin);
