// What the replay UI needs beyond its events: keys that press the controls which name them (data-key), dragging on the
// timeline, the clipboard, and a list that follows the playhead. Without it the pages work by their links and buttons.

const find = (selector, root = document) => root.querySelector(selector);

// Keys.

const isTyping = (el) =>
  el instanceof HTMLElement && (el.isContentEditable || /^(?:TEXTAREA|SELECT)$/.test(el.tagName) || (el instanceof HTMLInputElement && !/^(?:range|checkbox)$/.test(el.type)));

addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const ask = find(".ask");
  if (ask && event.key === "Tab") return stayInside(ask, event);
  if (isTyping(target)) {
    if (event.key === "Escape" && target instanceof HTMLElement) target.blur();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const element = target instanceof Element ? target : document.body;
  // These have a use for the key themselves.
  if (key === " " && element.closest("button,summary,input")) return;
  if (/^(?:Home|End)$/.test(key) && element.closest(".pane,.screen")) return;
  if (find("#help:popover-open") && key !== "?") return;
  const control = [...(ask ?? document).querySelectorAll("[data-key]")].find((el) => el.dataset.key === key);
  if (!control || (event.repeat && !/^(?:Arrow|[,.]$)/.test(key))) return;
  event.preventDefault();
  if (control instanceof HTMLInputElement) control.focus();
  else control.click();
});

function stayInside(box, event) {
  const all = [...box.querySelectorAll("a[href],button")];
  const at = all.indexOf(document.activeElement);
  event.preventDefault();
  all.at((at + (event.shiftKey ? -1 : 1)) % all.length)?.focus();
}

// A question takes the focus, and gives it back.

let asked = null;
let before = null;

function attend() {
  const first = find("[data-focus]");
  if (first && first !== asked) {
    before = document.activeElement;
    first.focus();
  } else if (!first && asked && before?.isConnected) {
    before.focus();
  }
  asked = first;
}

// The timeline.

let dragged = null;

function scrub(event) {
  const range = find("input[type=range]", dragged);
  const box = find("svg", dragged).getBoundingClientRect();
  const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  range.value = String(Math.round(part * Number(range.max)));
  range.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("pointerdown", (event) => {
  const line = event.target instanceof Element ? event.target.closest("[data-timeline]") : null;
  if (!line || event.button !== 0 || event.target.closest("button")) return;
  event.preventDefault();
  find("input[type=range]", line).focus({ preventScroll: true });
  line.setPointerCapture(event.pointerId);
  dragged = line;
  scrub(event);
});
document.addEventListener("pointermove", (event) => dragged && scrub(event));
for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, () => (dragged = null));

/** The slider shows where the playhead is, also after it was moved by hand. */
function place() {
  const range = find("[data-timeline] input[type=range]");
  if (range && !dragged) range.value = range.getAttribute("value");
}

// The stage: a frame is shown when it is loaded, above the one before.

document.addEventListener("load", ({ target }) => target instanceof HTMLIFrameElement && target.classList.add("drawn"), true);

// The list of events.

let here = null;

function follow() {
  const row = find(".events [aria-current]");
  const pane = row?.closest(".pane");
  const at = row?.getAttribute("live-key");
  if (!pane || at === here) return;
  here = at;
  const top = row.offsetTop - pane.offsetTop;
  if (top < pane.scrollTop + 24 || top + row.offsetHeight > pane.scrollTop + pane.clientHeight - 24) pane.scrollTop = top - pane.clientHeight * 0.4;
}

// The clipboard.

function say(text) {
  let said = find(".said");
  if (!said) {
    said = document.createElement("p");
    said.className = "said";
    said.setAttribute("role", "status");
    document.body.append(said);
  }
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (said.textContent = ""), 2500);
}

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch {
    say("The browser does not let this page copy.");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-copy]") : null;
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  copy(link.href, "The link to this frame is copied.");
});
addEventListener("live:replay-copy", (event) => copy(event.detail, "The test is copied."));

for (const type of ["live:patched", "live:connected", "live:navigate"]) {
  addEventListener(type, () => {
    place();
    follow();
    attend();
  });
}
attend();
follow();
