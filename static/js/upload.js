// The upload page. The file goes out in pieces by the tus protocol (tus-js-client): it can pause, waits out a server that
// is away, and after a reload goes on where the server is once the same file is chosen again.

const CHUNK = 64 * 2 ** 20; // bytes; proxies cut longer requests
const RETRY_MS = [0, 1000, 2000, 4000, ...Array(360).fill(8000)]; // most of an hour without any progress
const WINDOW_MS = 5000; // over which speed is measured
const PAINT_MS = 250;
const TOLD = [25, 50, 75]; // percent: what a screen reader hears of the progress
const PASSING = ["busy", "offset_mismatch"]; // codes of refusals that end by themselves
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

const form = document.querySelector("[data-upload]");
const card = document.getElementById("transfer");
const words = card.dataset;
const picker = form.querySelector("[type=file]");
const drop = form.querySelector("[data-drop]");
const part = (name) => card.querySelector(`[data-${name}]`);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });

let file = null;
let previous = null; // what this browser remembers of the same file's unfinished upload
let upload = null;
let samples = []; // [ms, bytes]
let painted = 0;
let told = 0;

// ---- choosing -------------------------------------------------------------------------------------------------

const fingerprint = () => ["cloudia", file.name, file.size, file.lastModified].join("|");

function size(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${number.format(bytes / 1024 ** power)} ${UNITS[power]}`;
}

// Of all that the server still waits for, what this browser began with this file.
async function begunBefore() {
  const known = await tus.defaultOptions.urlStorage.findUploadsByFingerprint(fingerprint());
  for (const row of document.querySelectorAll("[data-unfinished]")) {
    const found = known.find((one) => one.uploadUrl.includes(row.dataset.unfinished));
    if (found) return { ...found, row };
  }
  return null;
}

async function choose(chosen) {
  if (!chosen) return;
  file = chosen;
  previous = await begunBefore();
  const empty = file.size === 0;
  const other = form.dataset.wanted && previous?.row.dataset.unfinished !== form.dataset.wanted;
  problem("file", empty ? words.empty : other ? words.other : "");
  drop.querySelector("[data-chosen]").textContent = `${file.name} · ${size(file.size)}`;
  drop.classList.add("is-chosen");
  const name = form.elements.name;
  if (name && !name.dataset.typed) name.value = file.name.replace(/\.[^.]+$/, "");
  resume(previous && !other ? previous.row : null);
  form.querySelector("[type=submit]").disabled = empty || Boolean(other);
}

// What was said of an unfinished upload when it began is not asked again.
function resume(row) {
  for (const part of form.querySelectorAll("[data-fields]")) part.hidden = Boolean(row) || Boolean(form.dataset.wanted);
  const note = form.querySelector("[data-resume]");
  note.hidden = !row;
  if (row) note.querySelector("span").textContent = filled(words.resuming, row.dataset);
}

picker.addEventListener("change", () => choose(picker.files[0]));
form.elements.name?.addEventListener("input", (event) => (event.target.dataset.typed = "1"));
for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
for (const type of ["dragenter", "dragover"]) drop.addEventListener(type, () => drop.classList.add("is-over"));
for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => choose(event.dataTransfer.files[0]));

// ---- what is wrong --------------------------------------------------------------------------------------------

function problem(name, text) {
  const input = name === "file" ? picker : form.elements[name];
  const place = form.querySelector(`[data-problem="${input ? name : ""}"]`);
  place.textContent = text;
  place.hidden = !text;
  input?.classList.toggle("is-invalid", Boolean(text));
  if (text) input?.focus();
}

function clearProblems() {
  for (const place of form.querySelectorAll("[data-problem]")) place.hidden = true;
  for (const input of form.querySelectorAll(".is-invalid")) input.classList.remove("is-invalid");
}

function answerOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody());
  } catch {
    return {};
  }
}

// ---- sending --------------------------------------------------------------------------------------------------

function metadata() {
  const given = Object.fromEntries([...new FormData(form)].filter(([key, value]) => words.metadata.split(" ").includes(key) && value));
  return form.elements.public?.checked ? given : { ...given, project: form.dataset.project };
}

function begin() {
  upload = new tus.Upload(file, {
    endpoint: new URL(form.dataset.endpoint, location.href).href,
    metadata: metadata(),
    chunkSize: CHUNK,
    retryDelays: RETRY_MS,
    headers: JSON.parse(document.body.getAttribute("hx-headers")),
    fingerprint: async () => fingerprint(),
    removeFingerprintOnSuccess: true,
    onUploadUrlAvailable: began,
    onProgress: paint,
    onShouldRetry: retry,
    onError: fail,
    onSuccess: finish,
  });
  if (previous) upload.resumeFromPreviousUpload(previous);
  if (previous) began();
  upload.start();
}

// From here on there is something to go on with: a server that has lost it must not be given a second one.
function began() {
  upload.options.endpoint = null;
  form.hidden = true;
  card.hidden = false;
  part("file").textContent = file.name;
  show("sending");
}

function retry(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  const waits = status === 0 || status >= 500 || [423, 429].includes(status) || PASSING.includes(answerOf(error).code);
  const again = upload.url && waits;
  if (again) show("retrying");
  return Boolean(again);
}

function fail(error) {
  const answer = answerOf(error);
  const detail = answer.detail ?? (error.originalResponse ? words.refused : words.offline);
  if (!upload.url) {
    form.querySelector("[type=submit]").disabled = false;
    for (const [name, problems] of Object.entries(answer.fields ?? { "": [{ detail }] })) problem(name, problems[0].detail);
    return;
  }
  const explained = { 401: words.session, 403: words.session, 404: words.gone };
  show("failed", explained[error.originalResponse?.getStatus()] ?? detail);
}

function finish({ lastResponse } = {}) {
  show("sent");
  const image = lastResponse?.getHeader("Upload-Image") ?? previous?.row.dataset.image;
  location.assign(image ? words.image.replace(words.nil, image) : words.list);
}

// ---- showing --------------------------------------------------------------------------------------------------

const busy = () => ["sending", "retrying", "paused"].includes(card.dataset.state);

function show(state, detail = "") {
  if (card.dataset.state === state && !detail) return;
  card.dataset.state = state;
  samples = [];
  part("say").textContent = [words[state], detail].filter(Boolean).join(" ");
  for (const button of card.querySelectorAll("[data-in]")) button.hidden = !button.dataset.in.split(" ").includes(state);
  if (document.activeElement === document.body) card.querySelector("[data-in]:not([hidden])")?.focus();
}

function speed(bytes) {
  const now = performance.now();
  samples = [...samples.filter(([when]) => now - when < WINDOW_MS), [now, bytes]];
  const [first] = samples;
  return samples.length > 1 ? (1000 * (bytes - first[1])) / (now - first[0]) : 0;
}

function duration(seconds) {
  const values = { h: Math.floor(seconds / 3600), m: Math.floor((seconds % 3600) / 60), s: Math.ceil(seconds % 60) };
  return filled(values.h ? words.hours : values.m ? words.minutes : words.seconds, values);
}

function paint(bytes, total) {
  if (upload.url && card.dataset.state !== "paused") show("sending");
  if (performance.now() - painted < PAINT_MS && bytes < total) return;
  painted = performance.now();
  const percent = Math.floor((100 * bytes) / total);
  const rate = speed(bytes);
  card.querySelector("progress").value = percent;
  part("percent").textContent = `${percent}%`;
  part("amount").textContent = `${size(bytes)} / ${size(total)}`;
  part("speed").textContent = rate > 0 ? `${size(rate)}/s` : "";
  part("left").textContent = rate > 0 ? filled(words.left, { time: duration((total - bytes) / rate) }) : "";
  const reached = TOLD.findLast((step) => percent >= step) ?? 0;
  if (reached > told) part("heard").textContent = `${reached}%`;
  told = reached;
}

// ---- buttons --------------------------------------------------------------------------------------------------

const sure = document.getElementById("cancel-upload");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearProblems();
  if (!file) return problem("file", words.none);
  form.querySelector("[type=submit]").disabled = true;
  begin();
});

const buttons = {
  async pause() {
    show("paused");
    await upload.abort();
  },
  resume() {
    show("sending");
    upload.start();
  },
  cancel: () => sure.showModal(),
  async discard() {
    sure.close();
    try {
      await upload.abort(true);
    } catch (error) {
      if (error.originalResponse?.getStatus() !== 404) return show("failed", answerOf(error).detail ?? words.offline);
    }
    card.dataset.state = "";
    location.assign(words.list);
  },
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) buttons[button.dataset.do]();
});

addEventListener("beforeunload", (event) => {
  if (busy()) event.preventDefault();
});
if (picker.files.length) choose(picker.files[0]); // the browser remembers what was chosen before a reload
