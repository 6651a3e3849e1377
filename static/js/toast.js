// Notices: from HX-Trigger {"toast": {text, detail, href, link, tone, live, refresh}}, from Django's messages (rendered
// into the page), and when a request fails. A failure stays until closed; so does a job until it has finished.

const LIFETIME_MS = 8000;
const AGAIN_MS = 2000;

const box = document.querySelector("[data-toasts]");
const template = document.querySelector("[data-toast-template]");

function fill(toast, { text, detail = "", href = "", link = "", tone = "ok", live = "", refresh = "" }) {
  toast.dataset.tone = tone;
  toast.querySelector("[data-text]").textContent = text;
  toast.querySelector("[data-detail]").textContent = detail;
  const anchor = toast.querySelector("[data-link]");
  anchor.textContent = link;
  if (href) anchor.href = href;
  if (!live || !refresh) return;
  toast.dataset.live = live;
  for (const [name, value] of Object.entries({ "hx-get": refresh, "hx-trigger": "live", "hx-swap": "outerHTML" })) {
    toast.setAttribute(name, value);
  }
}

function show(values) {
  const toast = template.content.firstElementChild.cloneNode(true);
  fill(toast, values);
  box.append(toast);
  if (toast.dataset.live) htmx.process(toast);
  expire(toast);
}

function expire(toast) {
  if (toast.dataset.tone === "bad" || toast.dataset.live && toast.dataset.tone === "busy") return;
  const leave = () => {
    if (toast.matches(":hover, :focus-within")) setTimeout(leave, AGAIN_MS);
    else toast.remove();
  };
  setTimeout(leave, LIFETIME_MS);
}

document.addEventListener("toast", (event) => show(event.detail));
document.addEventListener("click", (event) => event.target.closest("[data-dismiss-toast]")?.closest(".job-toast").remove());
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt.matches?.(".job-toast")) expire(event.detail.elt); // refreshed
});
for (const toast of box.children) expire(toast);

// What the server did not explain, and what nobody asked for (live updates speak for themselves).
const asked = (event) => event.detail.requestConfig.triggeringEvent?.type !== "live";
document.addEventListener("htmx:responseError", (event) => {
  const explained = event.detail.xhr.getResponseHeader("HX-Trigger")?.includes('"toast"');
  if (asked(event) && !explained) show({ text: box.dataset.failed, tone: "bad" });
});
document.addEventListener("htmx:sendError", (event) => {
  if (asked(event)) show({ text: box.dataset.offline, tone: "bad" });
});
