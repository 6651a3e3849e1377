// Live updates. The stream says which topics changed; elements with data-live="topic ..." fetch themselves again:
//   <tr id="row-1" data-live="instance:1" hx-get="..." hx-trigger="live" hx-swap="outerHTML">
// Inside an element with data-live-many (and its own hx-get) more than a handful of changes become one request of it.
// While the stream is down the page says so and polls.

const COALESCE_MS = 100;
const PATIENCE_MS = 3000; // a reconnect is quicker than this
const POLL_MS = 5000;
const HANDFUL = 5;
const FRESH_MS = 2400; // css: fresh

const url = document.body.dataset.liveUrl;
const topicsOf = (element) => element.dataset.live.split(" ");

let stream = null;
let poll = null;
let patience = null;
let missed = false; // events may have been lost since the page was made or the stream was last up
const due = new Set();
let flushing = null;

// ---- which elements -------------------------------------------------------------------------------------------

function refresh(elements) {
  const groups = new Map();
  for (const element of elements) {
    const container = element.parentElement.closest("[data-live-many]");
    groups.set(container, [...(groups.get(container) ?? []), element]);
  }
  for (const [container, members] of groups) {
    const targets = container && members.length > HANDFUL ? [container] : members;
    // It must not bubble: the containers around wait for the same event.
    for (const target of targets) target.dispatchEvent(new CustomEvent("live"));
  }
}

const refreshAll = () => refresh([...document.querySelectorAll("[data-live]")]);

function flush() {
  flushing = null;
  const topics = new Set(due);
  due.clear();
  refresh([...document.querySelectorAll("[data-live]")].filter((element) => topicsOf(element).some((topic) => topics.has(topic))));
}

function receive(event) {
  for (const topic of JSON.parse(event.data).topics) due.add(topic);
  flushing ??= setTimeout(flush, COALESCE_MS);
}

// ---- the stream -----------------------------------------------------------------------------------------------

function tell(down) {
  document.querySelector("[data-live-down]").hidden = !down;
  for (const status of document.querySelectorAll("[data-live-status]")) status.hidden = down;
}

function up() {
  clearTimeout(patience);
  clearInterval(poll);
  patience = poll = null;
  tell(false);
  if (missed) refreshAll();
  missed = false;
  document.body.dataset.stream = "up"; // for those who watch the page from outside: what follows comes by the stream
}

function down() {
  missed = true;
  delete document.body.dataset.stream;
  patience ??= setTimeout(() => {
    tell(true);
    refreshAll();
    poll = setInterval(() => {
      refreshAll();
      if (stream?.readyState === EventSource.CLOSED) connect(); // the browser gave up: an error status, a proxy
    }, POLL_MS);
  }, PATIENCE_MS);
}

function connect() {
  stream?.close();
  down(); // until it is up
  stream = new EventSource(url);
  stream.addEventListener("ready", up); // "open" comes before the server listens
  stream.addEventListener("error", down);
  stream.addEventListener("message", receive);
}

function disconnect() {
  stream?.close();
  stream = null;
  missed = true;
  clearTimeout(patience);
  clearInterval(poll);
  patience = poll = null;
}

// A hidden page needs no stream, and browsers allow six connections to a server without TLS.
function follow() {
  if (document.hidden) disconnect();
  else if (!stream) connect();
}
document.addEventListener("visibilitychange", follow);
addEventListener("pagehide", disconnect);
addEventListener("pageshow", follow);

// ---- swapping without losing the place ------------------------------------------------------------------------

const before = new WeakMap(); // request -> what stood there

// The way from an element down to the focused one, as child positions.
function focusPath(root) {
  const path = [];
  let node = document.activeElement;
  if (!root.contains(node)) return null;
  for (; node !== root; node = node.parentElement) path.unshift([...node.parentElement.children].indexOf(node));
  return path;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const element = event.detail.target;
  if (!element.dataset.live && !element.hasAttribute("data-live-many")) return;
  if (event.detail.xhr.status === 404) return gone(event, element);
  before.set(event.detail.xhr, { text: element.textContent, id: element.id, path: focusPath(element) });
});

// What was deleted leaves its list; a page about it goes back to where data-gone says.
function gone(event, element) {
  if (element.dataset.gone) return location.assign(element.dataset.gone);
  event.detail.isError = false;
  element.remove();
  document.dispatchEvent(new CustomEvent("rows:gone")); // for the selection
}

document.addEventListener("htmx:afterSwap", (event) => {
  const was = before.get(event.detail.xhr);
  const element = was?.id && document.getElementById(was.id);
  if (!element) return;
  if (was.path && document.activeElement === document.body) {
    was.path.reduce((node, index) => node?.children[index], element)?.focus({ preventScroll: true });
  }
  if (element.textContent === was.text || !element.matches("tr")) return;
  element.classList.add("is-fresh");
  setTimeout(() => element.classList.remove("is-fresh"), FRESH_MS);
});

follow();
