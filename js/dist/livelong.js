// js/src/binding.ts
var NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
var isEventName = (name2) => NAME.test(name2);
function parseBinding(text) {
  const bad = (why) => {
    throw new Error(`${why} in ${JSON.stringify(text)}`);
  };
  const space = text.indexOf(" ");
  const [name2, ...options] = (space < 0 ? text : text.slice(0, space)).split(";");
  if (!isEventName(name2)) bad("no event name");
  const given = {};
  for (const option of options) {
    const [, key, text2] = /^([cdktp])=?(.*)$/.exec(option) ?? bad(`option ${option}`);
    given[key] = text2;
  }
  const list = (text2 = "") => text2.split(",").filter(Boolean);
  const milliseconds = (text2 = "0") => /^\d{1,9}$/.test(text2) ? Number(text2) : bad(`${text2} milliseconds`);
  let value;
  if (space >= 0) {
    try {
      value = JSON.parse(text.slice(space + 1));
    } catch {
      bad("no JSON object");
    }
    if (typeof value !== "object" || !value || Array.isArray(value)) bad("no JSON object");
  }
  return {
    name: name2,
    client: list(given.c),
    debounce: given.d === "blur" ? given.d : milliseconds(given.d),
    throttle: milliseconds(given.t),
    // The space bar's key is a space, which ends the options.
    keys: list(given.k?.toLowerCase()).map((key) => key === "space" ? " " : key),
    prevent: given.p !== void 0,
    value
  };
}

// js/src/confirm.ts
var QUIET = 1e3;
var LATEST = 5e3;
var Confirm = class {
  #send;
  #timer;
  #deadline = 0;
  #waiting = false;
  #k = 0;
  constructor(send) {
    this.#send = send;
  }
  /** How many frames were applied. */
  get k() {
    return this.#k;
  }
  applied() {
    this.#k++;
    if (this.#waiting) return;
    this.#waiting = true;
    this.#deadline = Date.now() + LATEST;
    this.#wait();
  }
  /** An event was sent. */
  busy() {
    if (this.#waiting) this.#wait();
  }
  /** The connection was lost: the next join says the count. */
  stop() {
    clearTimeout(this.#timer);
    this.#waiting = false;
  }
  /** A fresh instance counts from 1 again. */
  restart() {
    this.stop();
    this.#k = 0;
  }
  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#waiting = false;
        this.#send(this.#k);
      },
      Math.min(QUIET, Math.max(0, this.#deadline - Date.now()))
    );
  }
};

// js/src/form.ts
var plain = /^live-(event|seal)$/;
function formData(form, submitter) {
  const pairs = new URLSearchParams();
  for (const [name2, value] of new FormData(form, submitter)) if (typeof value === "string" && !plain.test(name2)) pairs.append(name2, value);
  return pairs.toString();
}
function controlData(control) {
  const pairs = new URLSearchParams();
  const { name: name2, type, value, checked, selectedOptions } = control;
  if (!name2 || type === "file") return "";
  if (selectedOptions) for (const option of selectedOptions) pairs.append(name2, option.value);
  else if (!/^(checkbox|radio)$/.test(type) || checked) pairs.append(name2, value);
  return pairs.toString();
}
function stateOf(control) {
  const { value, checked, selectedOptions } = control;
  return selectedOptions ? JSON.stringify([...selectedOptions].map((o) => o.value)) : `${checked} ${value}`;
}

// js/src/edits.ts
var VALUELESS = /^(checkbox|radio|hidden|submit|button|reset|image|file)$/;
var hasText = (el) => el instanceof HTMLTextAreaElement || el instanceof HTMLInputElement && !VALUELESS.test(el.type);
var isControl = (el) => el instanceof HTMLInputElement || el instanceof HTMLTextAreaElement || el instanceof HTMLSelectElement;
function teller(control) {
  const { form } = control;
  const near = control.closest("[live-change]");
  const foreign = near instanceof HTMLFormElement && form !== void 0 && near !== form;
  return near && !foreign ? near : form?.closest("[live-change]") ?? null;
}
var offered = (select) => JSON.stringify([...select.options].filter((o) => o.defaultSelected).map((o) => o.value));
var Edits = class {
  #stamps = /* @__PURE__ */ new WeakMap();
  /** What each control showed after its latest edit. */
  #states = /* @__PURE__ */ new WeakMap();
  /** What the server had chosen then, or in the latest frame since. */
  #offers = /* @__PURE__ */ new WeakMap();
  /** Controls whose latest edit no event has carried. */
  #untold = /* @__PURE__ */ new WeakSet();
  /** Controls that the server would have changed, had the user not been at them. */
  #late = /* @__PURE__ */ new Set();
  #newest;
  #composing = null;
  /** The first event that a click, as it began, could make. */
  #clicked = 0;
  /** Edits before this event are not known to the running instance, whatever their stamp says. */
  #base = 0;
  /** Edits that the events up to this one carried are stored. */
  #saved = 0;
  /** These the running instance has recovered: they follow the server. */
  #recovered = 0;
  #ref = 0;
  #answers = false;
  #stop = null;
  /** newest tells the number of the newest event made. */
  constructor(newest) {
    this.#newest = newest;
  }
  start() {
    this.#stop = new AbortController();
    const options = { capture: true, signal: this.#stop.signal };
    document.addEventListener("click", () => this.#clicked = this.#newest() + 1, options);
    document.addEventListener("input", ({ target }) => this.edited(target), options);
    document.addEventListener(
      "change",
      ({ target }) => {
        if (isControl(target) && this.#states.get(target) !== stateOf(target)) this.edited(target);
      },
      options
    );
    document.addEventListener("focusout", () => this.catchUp(), options);
    document.addEventListener("compositionstart", (event) => this.#composing = event.target, options);
    document.addEventListener("compositionend", () => this.#composing = null, options);
  }
  stop() {
    this.#stop?.abort();
  }
  edited(target) {
    if (!isControl(target)) return;
    const ticked = /^(checkbox|radio)$/.test(target.type) && target.closest("[live-click]");
    const stamp = ticked ? this.#clicked : this.#newest() + 1;
    this.#stamps.set(target, stamp);
    this.#states.set(target, stateOf(target));
    this.#untold.add(target);
    if (target instanceof HTMLSelectElement) this.#offers.set(target, offered(target));
    if (target.type === "radio" && target.name) {
      const scope = target.form ?? document;
      for (const other of scope.querySelectorAll("input[type=radio]")) {
        if (other.name === target.name && other.form === target.form) this.#stamps.set(other, stamp);
      }
    }
  }
  isEdited(control) {
    return this.#heldBack(control) || (this.#stamps.get(control) ?? 0) > this.#recovered;
  }
  forget(control) {
    this.#stamps.delete(control);
    this.#untold.delete(control);
  }
  /** Event n carries what the controls show now, though it may have been numbered before their latest edit. */
  carried(n, controls) {
    for (const control of controls) {
      if (this.#untold.delete(control) || this.#stamp(control) > n) this.#stamps.set(control, n);
    }
  }
  /** A fresh instance runs; it has seen none of the events up to n, or only what was stored of them. */
  mounted(n, recovered) {
    this.#base = n + 1;
    this.#recovered = recovered ? this.#saved : 0;
  }
  /** All that the answered events have changed is stored. */
  saved() {
    this.#saved = this.#ref;
  }
  /** A frame answering events up to ref is about to be applied. */
  frame(ref) {
    this.#answers = ref > this.#ref;
    this.#ref = ref;
  }
  /** Whether the server may set the control's value, checkedness or choice now; else, where it wants to, when the user has left it. */
  yields(control, wants = false) {
    if (this.#unfinished(control)) return false;
    const stamp = this.#stamp(control);
    if (stamp > this.#ref) return false;
    const busy = stamp > 0 && control === document.activeElement && (hasText(control) || control instanceof HTMLSelectElement);
    if (busy && wants) this.#late.add(control);
    return !busy;
  }
  /** Shows what the server has said of controls while the user was at them. */
  catchUp() {
    for (const control of this.#late) {
      if (!this.yields(control)) continue;
      this.#late.delete(control);
      reset(control);
    }
  }
  /** The options of a select may be others now. What the user has chosen stays chosen, unless the server has since. */
  choose(select) {
    const state = this.#states.get(select);
    if (!state || !this.#stamps.has(select)) return;
    const chosen = this.#offers.get(select) !== offered(select);
    this.#offers.set(select, offered(select));
    const mine = new Set(JSON.parse(state));
    const kept = [...select.options].filter((o) => mine.has(o.value));
    if (chosen && this.yields(select) || mine.size > 0 && kept.length === 0) reset(select);
    else for (const o of select.options) o.selected = kept.includes(o);
  }
  /** Whether something in a form was edited since it was answered that it is saved. */
  dirty(form) {
    return [...form.elements].some((el) => this.isEdited(el));
  }
  /**
   * After the answer n to a form's submit, and where the server says so: what was not edited since follows the server, as
   * after a page load. Nobody else than a submit tells the server of some controls: then the server is right in any case,
   * but for what was typed after the event that it answers.
   */
  settle(owner, n) {
    for (const el of owner instanceof HTMLFormElement ? owner.elements : [owner]) {
      const until = n ?? (this.#answers || teller(el) ? this.#ref : Infinity);
      if (!isControl(el) || this.#stamp(el) > until || this.#unfinished(el)) continue;
      reset(el);
      this.forget(el);
    }
  }
  /** What the user is in the middle of: a composition, a number that is none yet ("1e"). */
  #unfinished(control) {
    return control === this.#composing || isControl(control) && control.validity.badInput;
  }
  #heldBack(control) {
    return this.#untold.has(control) && isControl(control) && teller(control) !== null;
  }
  #stamp(control) {
    if (this.#heldBack(control)) return Infinity;
    const stamp = this.#stamps.get(control);
    if (stamp !== void 0) return stamp > this.#recovered ? Math.max(stamp, this.#base) : 0;
    if (!isControl(control) || !hasText(control) || /^(range|color)$/.test(control.type)) return 0;
    return control.value !== control.defaultValue ? 1 : 0;
  }
};
function reset(el) {
  if (el instanceof HTMLSelectElement) {
    const options = [...el.options];
    if (el.multiple || options.some((o) => o.defaultSelected)) for (const o of options) o.selected = o.defaultSelected;
    else el.selectedIndex = options.findIndex((o) => !o.disabled);
  } else if (hasText(el)) {
    setText(el, el.defaultValue);
  } else {
    const box = el;
    if (box.type !== "file") box.checked = box.defaultChecked;
  }
}
function setText(el, value) {
  if (el.value === value) return;
  const { selectionStart, selectionEnd } = el;
  const atEnd = selectionStart === el.value.length;
  el.value = value;
  if (el === document.activeElement && selectionStart !== null && !atEnd) el.setSelectionRange(selectionStart, selectionEnd);
}

// js/src/timing.ts
var Timing = class {
  #held = /* @__PURE__ */ new Map();
  /**
   * Runs fire now or later as the pace of the binding says. owner is the element with the binding, key tells its events
   * apart, control is what the user touched.
   */
  run(owner, control, key, pace, fire2) {
    if (pace.debounce) this.#debounce(owner, control, key, pace.debounce, fire2);
    else if (pace.throttle > 0) this.#throttle(owner, control, key, pace.throttle, fire2);
    else fire2();
  }
  /** Sends what is held back by debouncing for this owner: a control lost focus, a form is submitted. */
  flush(owner) {
    for (const [key, held] of this.#held.get(owner) ?? []) {
      if (!held.debounced) continue;
      this.#drop(owner, key);
      fire(held);
    }
  }
  /** The same for all elements, before the page goes. */
  flushAll() {
    for (const owner of [...this.#held.keys()]) this.flush(owner);
  }
  /** Forgets everything: nothing is sent any more. */
  stop() {
    for (const [owner, all] of this.#held) for (const key of all.keys()) this.#drop(owner, key);
  }
  #debounce(owner, control, key, wait, fire2) {
    this.#drop(owner, key);
    this.#hold(owner, key, {
      elements: [owner, control],
      fire: fire2,
      timer: wait === "blur" ? void 0 : setTimeout(() => this.flush(owner), wait),
      debounced: true
    });
  }
  #throttle(owner, control, key, wait, run) {
    const running = this.#held.get(owner)?.get(key);
    if (running) {
      running.elements = [owner, control];
      running.fire = run;
      return;
    }
    const held = { elements: [], fire: null, timer: void 0, debounced: false };
    const next = () => {
      const last = held.fire;
      if (!last) return this.#drop(owner, key);
      fire(held);
      held.fire = null;
      held.timer = setTimeout(next, wait);
    };
    held.timer = setTimeout(next, wait);
    this.#hold(owner, key, held);
    run();
  }
  #hold(owner, key, held) {
    const all = this.#held.get(owner);
    if (all) all.set(key, held);
    else this.#held.set(owner, /* @__PURE__ */ new Map([[key, held]]));
  }
  #drop(owner, key) {
    const all = this.#held.get(owner);
    clearTimeout(all?.get(key)?.timer);
    all?.delete(key);
    if (all?.size === 0) this.#held.delete(owner);
  }
};
function fire(held) {
  if (held.elements.every((el) => el.isConnected)) held.fire?.();
}

// js/src/events.ts
var Events = class {
  #root;
  #delegate;
  #timing = new Timing();
  #states = /* @__PURE__ */ new WeakMap();
  #stop = null;
  #pressed = null;
  /** The page is being changed: a focus that goes with its element was not moved by the user. */
  still = false;
  constructor(root, delegate) {
    this.#root = root;
    this.#delegate = delegate;
  }
  start() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const on = (type, fn, capture = false) => document.addEventListener(type, fn, { signal, capture });
    on("mousedown", (event) => this.#pressed = event.target, true);
    on("click", (event) => this.#click(event));
    on("submit", (event) => this.#submit(event));
    on("reset", (event) => this.#reset(event));
    on("input", (event) => this.#input(event));
    on("change", (event) => this.#input(event));
    on("focusin", (event) => this.#focus(event, "focus"));
    on("focusout", (event) => this.#focus(event, "blur"));
    for (const type of ["keydown", "keyup"]) {
      on(type, (event) => this.#key(event, this.#closest(event.target, type), type));
      addEventListener(type, (event) => this.#everywhere(`window-${type}`, (el, name2) => this.#key(event, el, name2)), { signal });
    }
    for (const type of ["focus", "blur"]) {
      addEventListener(type, (event) => event.target === window && this.#everywhere(`window-${type}`, (el, name2) => this.#fire(el, name2, event)), { signal });
    }
  }
  stop() {
    this.#stop?.abort();
    this.#timing.stop();
  }
  /** Sends what debouncing holds back. */
  flush() {
    this.#timing.flushAll();
  }
  /** Sends once more what the control's edit has sent, or what the page has for that. */
  again(control) {
    this.#change(control, new Event("change"), teller(control)?.hasAttribute("live-recover") ? "recover" : "change");
  }
  #click(event) {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (event.defaultPrevented) return;
    const { target } = event;
    const owner = this.#closest(target, "click");
    if (owner && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      if (leadsAway(owner)) event.preventDefault();
      this.#fire(owner, "click", event);
    }
    this.#everywhere("click-away", (el, type) => {
      const inside = (node) => node instanceof Node && el.contains(node);
      const gone = target instanceof Node && !target.isConnected;
      if (!inside(target) && !inside(pressed) && !gone && isSeen(el)) this.#fire(el, type, event);
    });
  }
  #submit(event) {
    const form = event.target;
    const owner = this.#closest(form, "submit");
    if (owner !== form || event.defaultPrevented || form.hasAttribute("live-native")) return;
    const { submitter } = event;
    const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method");
    if (method?.toLowerCase() !== "dialog") event.preventDefault();
    for (const el of [form, ...form.elements]) this.#timing.flush(el);
    this.#fire(form, "submit", event, { control: submitter ?? form, submitter, form });
  }
  /** The values are back after the event, and the view should know them. */
  #reset(event) {
    const form = event.target;
    setTimeout(() => this.#closest(form, "change") === form && this.#fire(form, "change", event, { form }));
  }
  #input(event) {
    const control = event.target;
    if (!(control instanceof Element) || event.defaultPrevented) return;
    if (isControl(control) && control.validity.badInput) return;
    const state = stateOf(control);
    if (event.type === "change" && this.#states.get(control) === state) return;
    this.#states.set(control, state);
    this.#change(control, event);
  }
  #change(control, event, type = "change") {
    const owner = teller(control);
    if (!owner || !this.#root.contains(owner)) return;
    const form = owner instanceof HTMLFormElement ? owner : null;
    this.#fire(owner, type, event, { control, form, data: () => controlData(control) });
  }
  #focus(event, type) {
    if (this.still) return;
    const target = event.target;
    const told = type === "blur" && teller(target);
    if (told) this.#timing.flush(told);
    const owner = this.#closest(target, type);
    if (owner && !(event.relatedTarget instanceof Node && owner.contains(event.relatedTarget))) this.#fire(owner, type, event);
  }
  #key(event, owner, type) {
    if (owner && event.key && !event.isComposing && !event.defaultPrevented) this.#fire(owner, type, event);
  }
  #closest(target, type) {
    const owner = target instanceof Element ? target.closest(`[live-${type}]`) : null;
    return owner && this.#root.contains(owner) ? owner : null;
  }
  #everywhere(type, fn) {
    for (const el of this.#root.querySelectorAll(`[live-${type}]`)) fn(el, type);
  }
  #fire(owner, type, event, details = {}) {
    let binding;
    try {
      binding = parseBinding(owner.getAttribute(`live-${type}`));
    } catch (error) {
      this.#delegate.failed(error);
      return;
    }
    const { name: name2, keys, value } = binding;
    const key = event instanceof KeyboardEvent ? event.key.toLowerCase() : "";
    if (keys.length > 0 && !keys.includes(key)) return;
    if (binding.prevent) event.preventDefault();
    const control = details.control ?? owner;
    const client = clientValues(binding.client, owner, control, event, details.submitter);
    const pace = type === "blur" ? { debounce: 0, throttle: 0 } : binding;
    this.#timing.run(owner, control, type + key, pace, () => {
      if (/^(click|submit)$/.test(type) && this.#delegate.busy(owner, type)) return;
      const form = details.form ?? null;
      const f = form ? formData(form, details.submitter) : details.data?.();
      const payload = { ...value !== void 0 && { v: value }, ...f && { f }, ...client && { c: client } };
      this.#delegate.send({ name: name2, payload, type, owner, control, form });
    });
  }
};
function leadsAway(el) {
  if (el.matches("a[href],area[href]")) return true;
  const { form, type } = el;
  return el.matches("button,input") && !!form && /^(submit|image|reset)$/.test(type);
}
function isSeen(el) {
  return [...el.getClientRects()].some(
    (r) => r.width > 0 && r.height > 0 && r.bottom > 0 && r.right > 0 && r.top < innerHeight && r.left < innerWidth
  );
}
function clientValues(wanted, owner, control, event, submitter) {
  const { key, clientX, clientY } = event;
  const box = owner.getBoundingClientRect();
  const within = (at, edge) => at === void 0 ? at : Math.round(at - edge);
  const known = {
    key,
    value: valueOf(control) ?? valueOf(event.target),
    target: event.type === "reset" ? "[reset]" : nameOf(control),
    submitter: submitter ? nameOf(submitter) : void 0,
    x: within(clientX, box.left),
    y: within(clientY, box.top)
  };
  const values = {};
  for (const name2 of wanted) {
    const value = known[name2];
    if (value !== void 0) values[name2] = value;
  }
  return Object.keys(values).length > 0 ? values : void 0;
}
var nameOf = (el) => el.getAttribute("name") || el.id;
function valueOf(target) {
  if (target instanceof HTMLElement && target.isContentEditable) return target.textContent ?? "";
  const { value } = target ?? {};
  return value === void 0 ? void 0 : String(value);
}

// js/src/foreign.ts
var ForeignValues = class {
  #root;
  #observer;
  /** For each attribute the value the server gave it last (null: none), which the page no longer shows; "": a text's. */
  #bases = /* @__PURE__ */ new WeakMap();
  #own = /* @__PURE__ */ new Map();
  constructor(root) {
    this.#root = root;
    this.#observer = new MutationObserver((records) => this.#read(records));
  }
  start() {
    this.#observer.observe(this.#root, { subtree: true, attributes: true, attributeOldValue: true, characterData: true, characterDataOldValue: true });
  }
  stop() {
    this.#observer.disconnect();
  }
  /** Encloses every patch: texts it writes, and attributes that `write` announces through own(), are the server's. */
  during(write) {
    this.#read(this.#observer.takeRecords());
    try {
      return write();
    } finally {
      this.#read(this.#observer.takeRecords(), true);
      this.#own = /* @__PURE__ */ new Map();
    }
  }
  /** What the server had set before someone else wrote the attribute, or the text for ""; undefined when nobody did. */
  base(node, name2) {
    return this.#bases.get(node)?.get(name2);
  }
  /** Announces that the server's value is written now, and shown as it is or (`mixed`) together with a script's. */
  own(el, name2, value, mixed) {
    const names = this.#own.get(el);
    if (names) names.add(name2);
    else this.#own.set(el, /* @__PURE__ */ new Set([name2]));
    if (mixed) this.#set(el, name2, value);
    else this.#bases.get(el)?.delete(name2);
  }
  #set(node, name2, value) {
    const bases = this.#bases.get(node);
    if (bases) bases.set(name2, value);
    else this.#bases.set(node, /* @__PURE__ */ new Map([[name2, value]]));
  }
  #read(records, patched = false) {
    for (const { target, attributeName, oldValue } of records) {
      const name2 = attributeName ?? "";
      if (patched && !name2) {
        this.#bases.delete(target);
        continue;
      }
      if (target === this.#root || this.#own.get(target)?.has(name2)) continue;
      if (this.base(target, name2) === void 0) this.#set(target, name2, oldValue);
      const shown = name2 ? target.getAttribute(name2) : target.data;
      if (this.base(target, name2) === shown) this.#bases.get(target).delete(name2);
    }
  }
};

// js/src/fragment.ts
var HTML = "http://www.w3.org/1999/xhtml";
var isHtml = (el) => el.namespaceURI === HTML;
function parseInside(parent, html) {
  const template = document.createElement("template");
  const here = /<noscript/i.test(html);
  if (isHtml(parent)) {
    const name2 = /-|^template$/.test(parent.localName) ? "div" : parent.localName;
    const context2 = here ? document.createElement(name2) : template;
    context2.innerHTML = html;
    return here ? context2 : template.content;
  }
  const context = (here ? document : template.content.ownerDocument).importNode(parent, false);
  context.innerHTML = html;
  return context;
}

// js/src/notice.ts
var LIMIT = 5;
function placeFor(attribute, className, role) {
  const existing = document.querySelector(`[${attribute}]`);
  if (existing) return existing;
  const el = document.createElement("div");
  el.className = className;
  el.setAttribute(attribute, "");
  el.setAttribute("role", role);
  document.body.append(el);
  return el;
}
var Notices = class {
  #stop = null;
  /** The regions must stand in the page before anything is said in them, or screen readers keep silent. */
  start() {
    placeFor("data-live-flash", "live-flashes", "status");
    placeFor("data-live-alert", "live-alerts", "alert");
    this.#stop = new AbortController();
    document.addEventListener(
      "click",
      ({ target }) => {
        if (target instanceof Element) target.closest("[data-live-dismiss]")?.parentElement?.remove();
      },
      { signal: this.#stop.signal }
    );
  }
  stop() {
    this.#stop?.abort();
  }
  /** Takes the flashes away: they were of the page before. */
  clear() {
    placeFor("data-live-flash", "live-flashes", "status").replaceChildren();
  }
  flash(kind, text) {
    show(placeFor("data-live-flash", "live-flashes", "status"), "live-flash", kind, text);
  }
  alert(text) {
    show(placeFor("data-live-alert", "live-alerts", "alert"), "live-alert", "error", text);
  }
};
function show(place2, block, kind, text) {
  const item = document.createElement("div");
  item.className = `${block} ${block}-${kind.replace(/[^\w-]/g, "-")}`;
  const words = document.createElement("span");
  words.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("data-live-dismiss", "");
  button.setAttribute("aria-label", place2.dataset.dismiss ?? "Dismiss");
  button.textContent = "×";
  item.append(words, button);
  for (const other of [...place2.children]) {
    if (other.className === item.className && other.firstChild?.textContent === text) other.remove();
  }
  place2.append(item);
  while (place2.children.length > LIMIT) place2.firstElementChild.remove();
}

// js/src/outbox.ts
var MAX_WAITING = 256;
var Outbox = class {
  #queue = [];
  #newest = 0;
  #sent = 0;
  /** The number of the newest event made. */
  get newest() {
    return this.#newest;
  }
  /** The number of the newest event handed out for sending. */
  get sent() {
    return this.#sent;
  }
  /**
   * Numbers an event, or returns null when too many wait. An unsent event at the end of the queue for which `replaces`
   * says so gives its number to the new one: of what is typed offline only the last state matters.
   */
  add(name2, payload, source, replaces) {
    const last = this.#queue.at(-1);
    if (last && last.n > this.#sent && replaces?.(last)) {
      const entry2 = { n: last.n, name: name2, payload, source };
      this.#queue[this.#queue.length - 1] = entry2;
      return entry2;
    }
    if (this.#queue.length >= MAX_WAITING) return null;
    const entry = { n: ++this.#newest, name: name2, payload, source };
    this.#queue.push(entry);
    return entry;
  }
  some(test) {
    return this.#queue.some(test);
  }
  /** Hands out the events that were not sent on this connection. */
  take() {
    const unsent = this.#queue.filter((entry) => entry.n > this.#sent);
    this.#sent = this.#newest;
    return unsent;
  }
  /** The server has answered the events up to ref. Returns them in their order. */
  answered(ref) {
    const done = this.#queue.filter((entry) => entry.n <= ref);
    this.#queue = this.#queue.slice(done.length);
    return done;
  }
  /** The server has received the events up to n: later ones are sent again. */
  resumed(n) {
    this.#sent = n;
    if (this.#queue.length === 0) this.#newest = n;
  }
  /**
   * A fresh instance answers, and no event may reach two instances: those that were sent are dropped, and with them all
   * others unless none was ever sent. Returns what was dropped.
   */
  mounted() {
    return this.#sent === 0 ? [] : this.drop();
  }
  /** Drops all events that wait. Numbers go on after the newest one sent. */
  drop() {
    const dropped = this.#queue;
    this.#queue = [];
    this.#newest = this.#sent;
    return dropped;
  }
};

// js/src/scroll.ts
var KEY = "live-scroll";
var LIMIT2 = 50;
var Scroll = class {
  /** By the entry's place in the history; the window has no id. */
  #saved = /* @__PURE__ */ new Map();
  /** Reads what the tab's documents before this one have kept. Returns the place of the entry they were left at. */
  start() {
    try {
      const [at, saved] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      this.#saved = new Map(saved);
      return at ?? 0;
    } catch {
      return 0;
    }
  }
  /** Keeps everything for the tab's next document. */
  keep(at) {
    this.save(at);
    try {
      sessionStorage.setItem(KEY, JSON.stringify([at, [...this.#saved].slice(-LIMIT2)]));
    } catch {
    }
  }
  save(at) {
    const positions = [["", scrollX, scrollY]];
    for (const { id, scrollLeft, scrollTop } of document.querySelectorAll("[id]")) {
      if (id && (scrollLeft || scrollTop)) positions.push([id, scrollLeft, scrollTop]);
    }
    this.#saved.delete(at);
    this.#saved.set(at, positions);
  }
  /** Scrolls to where the entry was left; false when nothing is known of it. */
  restore(at) {
    const positions = this.#saved.get(at);
    for (const [id, left, top] of positions ?? []) (id ? document.getElementById(id) : window)?.scrollTo({ left, top, behavior: "instant" });
    return !!positions;
  }
};

// js/src/navigation.ts
var pathOf = ({ pathname, search }) => pathname + search;
var entryOf = () => history.state?.live;
var name = () => Math.random().toString(36).slice(2);
var Navigation = class {
  #delegate;
  #scroll = new Scroll();
  #stop = null;
  /** The URL of what is shown, which the browser's differs from while the user goes back or forward. */
  #url = pathOf(location);
  #page = name();
  #at = 0;
  #visit = 0;
  #going = null;
  /** A history step that only undoes another one. */
  #undoing = false;
  constructor(delegate) {
    this.#delegate = delegate;
  }
  get url() {
    return this.#url;
  }
  start() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const last = this.#scroll.start();
    const entry = entryOf();
    this.#at = entry?.at ?? last + 1;
    this.#stamp();
    history.scrollRestoration = "manual";
    if (entry) this.#scroll.restore(this.#at);
    live("");
    document.addEventListener("click", (event) => this.#click(event), { signal });
    addEventListener("popstate", () => this.#popped(), { signal });
    addEventListener("pagehide", () => this.#scroll.keep(this.#at), { signal });
  }
  stop() {
    this.#stop?.abort();
    history.scrollRestoration = "auto";
  }
  /** Goes to another page: over the socket where that is possible. */
  go(href, replace = false) {
    const url = new URL(href, document.baseURI);
    if (url.origin === location.origin) this.#go(url, replace ? "replace" : "push");
    else load(url.href);
  }
  #click(event) {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[live-link]") : null;
    if (!link || !/^(_self)?$/.test(link.getAttribute("target") ?? "") || link.hasAttribute("download")) return;
    const url = new URL(link.getAttribute("href") ?? "", document.baseURI);
    if (url.origin !== location.origin || url.hash && pathOf(url) === pathOf(location)) return;
    event.preventDefault();
    this.#go(url, link.getAttribute("live-link") === "replace" ? "replace" : "push");
  }
  #popped() {
    const entry = entryOf();
    if (this.#undoing) {
      this.#undoing = false;
      return;
    }
    if (this.#going?.mode !== "pop") this.#scroll.save(this.#at);
    if (!entry && pathOf(location) === this.#url) {
      this.#at++;
      return this.#stamp();
    }
    const from = this.#at;
    this.#at = entry?.at ?? from - 1;
    const fresh = !!entry && entry.page !== this.#page;
    if (!this.#going && !fresh && pathOf(location) === this.#url) this.#arrive();
    else this.#go(location, "pop", fresh, entry && this.#at - from);
  }
  #go(url, mode, fresh = false, steps = 0) {
    const direction = steps < 0 ? "backward" : "forward";
    const pop = mode === "pop";
    const to = pathOf(url) + url.hash;
    if (!pop && to === this.#going?.to) return;
    if (!this.#delegate.announce("before-navigate", { href: url.href, pop, direction }, true)) {
      if (!pop || !steps) return;
      this.#undoing = true;
      this.#at -= steps;
      return history.go(-steps);
    }
    const visit = { to, mode: pop || url.href !== location.href ? mode : "replace", ...fresh && { fresh } };
    const n = this.#delegate.visit(visit);
    if (!n) return void load(url.href);
    if (!this.#going) this.#loading("start");
    this.#going = { ...visit, n, direction };
  }
  /** The connection is back with an instance that knows nothing of what was asked: it is asked once more. */
  again() {
    const going = this.#going;
    if (going) going.n = this.#delegate.visit({ to: going.to, mode: going.mode, ...going.fresh && { fresh: true } });
  }
  /** Brings the history to where the frame says the page is, before it is shown. Returns how to end it. */
  moved(urls, join) {
    const fresh = join?.how === "navigate";
    let landed = () => {
    };
    for (const [to, asked, n] of urls) {
      const going = this.#going?.n === n && n ? this.#going : null;
      const url = new URL(to, location.href);
      const mode = fresh && join.visit === this.#visit ? "replace" : asked;
      if (fresh) {
        this.#page = name();
        this.#visit = join.visit;
      }
      if (mode === "push") {
        this.#scroll.save(this.#at++);
        this.#stamp(url, "pushState");
      } else if (mode === "replace" || going) {
        this.#stamp(url);
      }
      this.#url = pathOf(url);
      if (going) this.#end();
      const pop = asked === "pop";
      this.#delegate.announce("navigate", { href: url.href, patch: !fresh, pop, direction: going?.direction ?? "forward" });
      landed = () => pop || !fresh && !url.hash ? pop && this.#arrive() : this.#reveal(url.hash);
    }
    return (root) => {
      if (fresh) present(root);
      landed();
    };
  }
  /** The server has answered events up to ref. leaves: the browser is to load something. */
  answered(ref, leaves) {
    const going = this.#going;
    if (!going || going.n > ref) return;
    if (going.mode === "pop" && !leaves) this.#stamp(this.#url);
    this.#end();
  }
  #end() {
    this.#going = null;
    this.#loading("stop");
  }
  #loading(what) {
    document.documentElement.classList.toggle("live-loading", what === "start");
    this.#delegate.announce(`loading-${what}`, { kind: "navigation" });
  }
  #arrive() {
    if (!this.#scroll.restore(this.#at)) this.#reveal(location.hash);
  }
  #reveal(hash) {
    let id = hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
    }
    const target = id && document.getElementById(id);
    if (target) target.scrollIntoView();
    else scrollTo({ left: 0, top: 0, behavior: "instant" });
  }
  #stamp(url, how = "replaceState") {
    const others = how === "replaceState" && history.state;
    try {
      history[how]({ ...others, live: this.#entry() }, "", url);
    } catch {
    }
  }
  #entry() {
    return { page: this.#page, at: this.#at };
  }
};
function load(to) {
  const url = new URL(to, location.href);
  if (!/^https?:$/.test(url.protocol)) return false;
  const here = url.href.split("#")[0] === location.href.split("#")[0];
  if (url.href !== location.href) location.assign(url);
  if (here && (url.hash || !location.hash)) location.reload();
  return true;
}
function present(root) {
  const place2 = root.querySelector("[autofocus]") ?? root.querySelector("h1") ?? root;
  if (place2.tabIndex < 0 && !place2.hasAttribute("tabindex")) place2.tabIndex = -1;
  place2.focus({ preventScroll: true });
  live(document.title);
}
function live(text) {
  const el = placeFor("data-live-route", "live-route", "status");
  el.style.cssText = "position:fixed;width:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
  el.textContent = text;
}

// js/src/page.ts
var RELOADED = "live-reloaded";
var isVisible = () => document.visibilityState !== "hidden";
var embeddedAt = (root) => root.getAttribute("data-live-socket");
function socketURL(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  return url.href;
}
function reloadOnce() {
  try {
    if (sessionStorage.getItem(RELOADED) === location.pathname) return false;
    sessionStorage.setItem(RELOADED, location.pathname);
    if (sessionStorage.getItem(RELOADED) !== location.pathname) return false;
  } catch {
    return false;
  }
  location.reload();
  return true;
}
function reloadHelped() {
  try {
    sessionStorage.removeItem(RELOADED);
  } catch {
  }
}
async function head() {
  const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store", credentials: "same-origin" });
  return { status: answer.status, redirected: answer.type === "opaqueredirect" };
}
var STAYS = 3e3;
var Departure = class {
  #guarded;
  #left;
  #stayed;
  #timer;
  #stop = null;
  leaving = false;
  /**
   * guarded says whether the browser shall ask first; left is called on pagehide, stayed when the page is shown again or has
   * not gone after all.
   */
  constructor(guarded, left, stayed) {
    this.#guarded = guarded;
    this.#left = left;
    this.#stayed = stayed;
  }
  start() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    addEventListener("beforeunload", (event) => (this.#leave(), this.#guarded() && event.preventDefault()), { signal });
    addEventListener("pagehide", () => (this.#leave(), clearTimeout(this.#timer), this.#left()), { signal });
    addEventListener("pageshow", () => this.leaving && this.#stay(), { signal });
  }
  stop() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }
  #leave() {
    this.leaving = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stay(), STAYS);
  }
  #stay() {
    this.leaving = false;
    clearTimeout(this.#timer);
    this.#stayed();
  }
};

// js/src/pending.ts
var PENDING = "live-pending";
var Pending = class {
  #counts = /* @__PURE__ */ new Map();
  /** Forms and buttons that wait, and what was pressed. */
  #waiting = /* @__PURE__ */ new Map();
  #undo = [];
  add(elements) {
    for (const el of new Set(elements)) {
      this.#counts.set(el, (this.#counts.get(el) ?? 0) + 1);
      el.classList.add(PENDING);
    }
  }
  remove(elements) {
    for (const el of new Set(elements)) {
      const left = (this.#counts.get(el) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(el, left);
        continue;
      }
      this.#counts.delete(el);
      this.#waiting.delete(el);
      el.classList.remove(PENDING);
      if (!el.className) el.removeAttribute("class");
    }
  }
  /** Disables the buttons of a form, or a button that was pressed, until it is removed. */
  wait(owner, pressed) {
    this.lift();
    this.#waiting.set(owner, pressed);
    this.settle();
  }
  /** Brings back what the server made. */
  lift() {
    for (const undo of this.#undo.splice(0)) undo();
  }
  /** Disables what still waits. */
  settle() {
    for (const [owner, pressed] of this.#waiting) {
      for (const el of owner instanceof HTMLFormElement ? owner.elements : [owner]) {
        if (!el.disabled && (el === owner || /^(submit|image)$/.test(el.type))) this.#disable(el, el === pressed);
      }
    }
  }
  #disable(el, pressed) {
    const focused2 = el === document.activeElement;
    const words = pressed && el.getAttribute("live-busy");
    const own = [...el.childNodes];
    if (words) el.replaceChildren(words);
    el.disabled = true;
    this.#undo.push(() => {
      el.disabled = false;
      if (words) el.replaceChildren(...own);
      if (focused2 && document.activeElement === document.body) el.focus({ preventScroll: true });
    });
  }
};

// js/src/saved.ts
var STATES = ["saved", "saving", "unsaved", "unavailable"];
var Saved = class {
  #root;
  #state;
  constructor(root) {
    this.#root = root;
  }
  /** Takes the state as the server counts it. Returns it when it is another than before. */
  set(save) {
    const state = STATES[save];
    if (state === this.#state) return void 0;
    this.#state = state;
    for (const each of STATES) this.#root.classList.toggle(`live-${each}`, each === state);
    return state;
  }
  stop() {
    this.set(-1);
  }
};

// js/src/backoff.ts
var Backoff = class {
  #min;
  #max;
  #random;
  #attempts = 0;
  /** min and max in milliseconds; random returns a number in [0, 1). */
  constructor(min, max, random = Math.random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
  }
  /** Milliseconds until the next attempt. */
  next() {
    this.#attempts++;
    return this.#random() * Math.min(this.#max, this.#min * 2 ** this.#attempts);
  }
  /** Milliseconds of a wait that someone asked for: at least the longest usual one. */
  pause() {
    return this.#max * (1 + this.#random());
  }
  reset() {
    this.#attempts = 0;
  }
};

// js/src/closing.ts
function remedy(code, opened) {
  if (!opened) return "ask";
  switch (code) {
    case 1009:
      return "drop";
    case 4401:
      return "ask";
    case 4400:
    // What was not understood would not be understood the second time.
    case 4403:
    case 4426:
      return "reload";
    case 4409:
      return "stop";
    case 4429:
      return "pause";
    default:
      return "retry";
  }
}
function verdict(status, redirected) {
  if (redirected) return "reload";
  const passing = status === 408 || status === 425 || status === 429;
  return status >= 400 && status < 500 && !passing ? "reload" : "retry";
}

// js/src/heartbeat.ts
var SILENCE = 3e4;
var PATIENCE = 1e4;
var Heartbeat = class {
  #ping;
  #dead;
  #timer;
  #asked = false;
  constructor(ping, dead) {
    this.#ping = ping;
    this.#dead = dead;
  }
  /** A frame arrived, or the connection has just been joined. */
  heard() {
    this.stop();
    this.#timer = setTimeout(() => this.ask(), SILENCE);
  }
  /** Does not wait for the silence: the tab was asleep, or the network changed. */
  ask() {
    if (this.#asked) return;
    this.expect(PATIENCE);
    this.#ping();
  }
  /** Some frame must come within so many milliseconds. */
  expect(patience) {
    this.stop();
    this.#asked = true;
    this.#timer = setTimeout(this.#dead, patience);
  }
  stop() {
    clearTimeout(this.#timer);
    this.#asked = false;
  }
};

// js/src/wire.ts
var VERSION = 1;
var MAX_DOWN_CHARS = 16 << 20;
var MAX_UP_CHARS = 1 << 20;
var MAX_REASON_CHARS = 80;
function malformed(what) {
  throw new Error(`malformed ${what}`);
}
var isCount = (v) => Number.isSafeInteger(v) && v >= 0;
var isString = (v) => typeof v === "string";
var isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
var extraChecks = {
  join: (v) => isObject(v) && /^(adopt|resume|mount|navigate)$/.test(String(v.how)) && isString(v.secret) && isCount(v.n ?? 0),
  h: isCount,
  i: isCount,
  html: isString,
  tag: isString,
  title: isString,
  flash: Array.isArray,
  reply: Array.isArray,
  push: Array.isArray,
  error: Array.isArray,
  to: isString,
  carry: isString,
  url: Array.isArray,
  token: isString,
  s: isCount
};
function decode(text) {
  const frame = text.length > MAX_DOWN_CHARS ? null : JSON.parse(text);
  if (!Array.isArray(frame)) malformed("frame");
  if (frame.length === 0) return { kind: "pong" };
  const [ref, patch, extra = {}] = frame;
  if (!isCount(ref)) malformed("ref");
  if (!Array.isArray(patch)) malformed("patch");
  if (!isObject(extra)) malformed("extra");
  for (const key in extraChecks) {
    if (key in extra && !extraChecks[key](extra[key])) malformed(key);
  }
  return { kind: "frame", ref, patch, extra };
}
function encode(up) {
  const text = JSON.stringify(parts(up));
  if (text.length > MAX_UP_CHARS) malformed(up.kind);
  return text;
}
function parts(up) {
  switch (up.kind) {
    case "join":
      return [VERSION, up.token, up.options];
    case "event":
      if (up.target !== void 0) return [up.n, up.name, up.payload ?? {}, up.target];
      return up.payload === void 0 ? [up.n, up.name] : [up.n, up.name, up.payload];
    case "confirm":
      return [up.k];
    case "ping":
      return [0, "ping"];
    default:
      return [0, up.kind, up.reason.slice(0, MAX_REASON_CHARS)];
  }
}

// js/src/socket.ts
var OPENING = 15e3;
var STABLE = 5e3;
var PROVEN = 3e4;
var Socket = class {
  #delegate;
  #options;
  #backoff;
  #heartbeat = new Heartbeat(
    () => this.send(encode({ kind: "ping" })),
    () => this.#close()
  );
  #socket = null;
  #joined = false;
  /** Running between start and stop: connected, or trying to be. */
  #wanted = false;
  #asking = false;
  #retry;
  #stable;
  #proven;
  #listening = null;
  constructor(delegate, options) {
    this.#delegate = delegate;
    this.#options = options;
    this.#backoff = new Backoff(options.reconnectMin, options.reconnectMax);
  }
  /** Whether a connection stands or is being opened again. */
  get wanted() {
    return this.#wanted;
  }
  get joined() {
    return this.#joined;
  }
  start() {
    this.#wanted = true;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const back = () => this.back();
    document.addEventListener("visibilitychange", back, { signal });
    addEventListener("pageshow", back, { signal });
    addEventListener("online", back, { signal });
    this.#open();
  }
  stop() {
    this.#wanted = false;
    this.#listening?.abort();
    this.#close(1e3);
  }
  /** The user or the network has come back: now is better than at the end of a pause. */
  back() {
    if (!this.#wanted || !isVisible()) return;
    if (this.#joined) this.#heartbeat.ask();
    else if (!this.#socket) this.#open();
  }
  /** Closes for now, as the page is put away; back() opens again. */
  rest() {
    this.#close(1e3);
    clearTimeout(this.#retry);
  }
  send(text) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }
  /** The server has answered the join. */
  welcome() {
    this.#joined = true;
    this.#stable = setTimeout(() => this.#backoff.reset(), STABLE);
    this.#proven = setTimeout(reloadHelped, PROVEN);
  }
  #open() {
    clearTimeout(this.#retry);
    if (!this.#wanted || this.#socket || this.#asking) return;
    let opened = false;
    const socket = new WebSocket(this.#options.url());
    this.#socket = socket;
    this.#heartbeat.expect(OPENING);
    socket.onopen = () => {
      opened = true;
      this.send(this.#delegate.hello());
    };
    socket.onmessage = ({ data }) => {
      this.#delegate.received(String(data));
      if (this.#joined) this.#heartbeat.heard();
    };
    socket.onclose = ({ code }) => this.#closed(remedy(code, opened));
  }
  /** Gives the connection up without waiting for the other side, which may be gone. */
  #close(code) {
    const socket = this.#socket;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close(code);
    this.#closed("retry");
  }
  #closed(next) {
    this.#socket = null;
    this.#joined = false;
    this.#heartbeat.stop();
    clearTimeout(this.#stable);
    clearTimeout(this.#proven);
    if (next === "drop") this.#delegate.refused();
    if (next === "reload" && this.#delegate.leaving()) return this.#delegate.lost(false);
    if (next === "stop" || next === "reload" && !reloadOnce()) this.#wanted = false;
    this.#delegate.lost(!this.#wanted);
    if (!this.#wanted || next === "reload") return;
    if (next === "ask") void this.#ask();
    else this.#later(next === "pause" ? this.#backoff.pause() : this.#backoff.next());
  }
  #later(wait) {
    this.#retry = setTimeout(() => {
      if (isVisible()) this.#open();
    }, wait);
  }
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    let next = "retry";
    try {
      const { status, redirected } = await head();
      next = verdict(status, redirected);
    } catch {
    }
    this.#asking = false;
    if (!this.#wanted) return;
    if (next === "reload" && !this.#delegate.leaving() && reloadOnce()) return;
    this.#later(this.#backoff.next());
  }
};

// js/src/status.ts
var STATES2 = ["connecting", "connected", "disconnected", "error"];
var WORDS = {
  disconnected: "Connection lost. Trying to reconnect…",
  error: "This page is no longer connected. Reload it to go on."
};
var Status = class {
  #root;
  #delay;
  #timer;
  #stop = null;
  #state = null;
  /** delay: milliseconds a connection must be lost, before the user's eyes, until anything is said. */
  constructor(root, delay) {
    this.#root = root;
    this.#delay = delay;
  }
  get state() {
    return this.#state;
  }
  start() {
    this.#stop = new AbortController();
    document.addEventListener("visibilitychange", () => this.#tell(), { signal: this.#stop.signal });
    this.set("connecting");
  }
  /** Returns whether the state is another than before. */
  set(state) {
    if (this.#state === state) return false;
    this.#state = state;
    this.move(this.#root);
    this.#tell();
    return true;
  }
  /** Another element is the view's root. */
  move(root) {
    this.#root = root;
    for (const each of STATES2) root.classList.toggle(`live-${each}`, each === this.#state);
  }
  stop() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
    this.#say("connected");
    this.#root.classList.remove(...STATES2.map((each) => `live-${each}`));
    this.#state = null;
  }
  #tell() {
    clearTimeout(this.#timer);
    const state = this.#state;
    if (WORDS[state] && isVisible()) this.#timer = setTimeout(() => this.#say(state), this.#delay);
    else if (state !== "error") this.#say("connected");
  }
  #say(state) {
    const el = placeFor("data-live-status", "live-status", "status");
    const words = WORDS[state] ? el.dataset[state] ?? WORDS[state] : "";
    if (el.textContent !== words) el.textContent = words;
  }
};

// js/src/mirror.ts
var OPAQUE = /^(?:iframe|noscript|noembed|noframes)$/;
var none = [];
var isElement = (node) => node.nodeType === 1;
var isText = (node) => node.nodeType === 3;
function hostOf(el) {
  return el instanceof HTMLTemplateElement ? el.content : el;
}
function isOpaque(el) {
  return OPAQUE.test(el.localName) || el.localName === "template" && el.hasAttribute("shadowrootmode");
}
function mirrorOf(node) {
  if (!isElement(node)) return { n: node, k: null };
  return { n: node, k: isOpaque(node) ? none : mirrorChildren(hostOf(node)) };
}
function mirrorChildren(host) {
  let last = null;
  let children = null;
  for (let node = host.firstChild, next; node; node = next) {
    next = node.nextSibling;
    if (isText(node)) {
      if (!node.data) continue;
      if (last) {
        last.appendData(node.data);
        node.remove();
        continue;
      }
      last = node;
    } else {
      last = null;
    }
    (children ??= []).push(mirrorOf(node));
  }
  return children ?? none;
}

// js/src/order.ts
function standing(from, pin = -1) {
  const tails = [];
  const before = new Int32Array(from.length);
  const pinned = pin < 0 ? -1 : from[pin];
  for (let i = 0; i < from.length; i++) {
    const old = from[i];
    if (old < 0) continue;
    if (pinned >= 0 && i !== pin && i < pin !== old < pinned) continue;
    let lo = 0;
    let hi = tails.length;
    while (lo < hi) {
      const mid = lo + hi >> 1;
      if (from[tails[mid]] < old) lo = mid + 1;
      else hi = mid;
    }
    before[i] = lo > 0 ? tails[lo - 1] : -1;
    tails[lo] = i;
  }
  const stay = new Uint8Array(from.length);
  for (let i = tails.length > 0 ? tails[tails.length - 1] : -1; i >= 0; i = before[i]) stay[i] = 1;
  return stay;
}
function place(base, next, from) {
  restoreTexts(base);
  const el = base.n;
  const host = hostOf(el);
  const old = base.k;
  const used = new Uint8Array(old.length);
  for (const i of from) if (i >= 0) used[i] = 1;
  for (let i = 0; i < old.length; i++) if (!used[i]) old[i].n.remove();
  const stay = standing(from, "moveBefore" in host ? -1 : focused(next));
  let ref = null;
  for (let i = next.length - 1; i >= 0; i--) {
    const node = next[i].n;
    if (from[i] < 0) host.insertBefore(node, ref);
    else if (!stay[i]) move(host, node, ref);
    if (node.parentNode === host) ref = node;
  }
  base.k = next;
}
function focused(next) {
  const active = document.activeElement;
  return active && active !== document.body ? next.findIndex((m) => m.n.contains(active)) : -1;
}
function move(host, node, ref) {
  const atomic = host.moveBefore;
  if (atomic && node.isConnected && host.isConnected) {
    try {
      atomic.call(host, node, ref);
      return;
    } catch {
    }
  }
  host.insertBefore(node, ref);
}
function restoreTexts(base) {
  const children = base.k;
  const host = hostOf(base.n);
  for (let i = 0; i < children.length; i++) {
    const text = children[i].n;
    if (!isText(text) || text.parentNode === host) continue;
    const next = children.slice(i + 1).find((m) => m.n.parentNode === host)?.n ?? null;
    const previous = i > 0 ? children[i - 1].n : null;
    let node = previous?.parentNode === host ? previous.nextSibling : previous ? next : host.firstChild;
    while (node && node !== next) {
      const after = node.nextSibling;
      if (isText(node) || node.nodeName === "FONT") host.removeChild(node);
      node = after;
    }
    host.insertBefore(text, next);
  }
}

// js/src/morph.ts
var LOOKAHEAD = 4;
var Morph = class {
  #writer;
  #foreign;
  /** When the mirror may hold nodes that are not the server's, those that match nothing are left alone. */
  #keep;
  constructor(writer, foreign, keep) {
    this.#writer = writer;
    this.#foreign = foreign;
    this.#keep = keep;
  }
  /** Makes the children of base those of `next`, a mirror of parsed HTML whose unmatched nodes are used up. */
  children(base, next) {
    let from = match(base.k, next);
    if (this.#keep) {
      const used = [...from].filter((i) => i >= 0).sort((a, b) => a - b);
      base.k = used.map((i) => base.k[i]);
      from = from.map((i) => i < 0 ? i : used.indexOf(i));
    }
    const old = base.k;
    const pairs = next.map((m, i) => ({ mine: from[i] < 0 ? m : old[from[i]], theirs: m }));
    if (old.length !== next.length || from.some((old2, i) => old2 !== i)) {
      place(base, pairs.map((p) => p.mine), from);
      this.#writer.children(base.n);
    }
    for (const { mine, theirs } of pairs) if (mine !== theirs) this.#node(base, mine, theirs);
  }
  #node(parent, mine, theirs) {
    if (isElement(mine.n)) {
      this.#attributes(mine.n, theirs.n);
      if (!isOpaque(mine.n)) this.children(mine, theirs.k);
    } else {
      const node = mine.n;
      const value = theirs.n.data;
      if ((this.#foreign.base(node, "") ?? node.data) === value) return;
      restoreTexts(parent);
      this.#writer.text(node, value);
    }
  }
  #attributes(el, next) {
    for (const { name: name2, value } of next.attributes) {
      const base = this.#foreign.base(el, name2);
      if ((base === void 0 ? el.getAttribute(name2) : base) !== value) this.#writer.attribute(el, name2, value);
    }
    for (const { name: name2 } of [...el.attributes]) {
      if (!next.hasAttribute(name2) && this.#foreign.base(el, name2) !== null) this.#writer.attribute(el, name2, null);
    }
  }
};
function match(old, next) {
  const used = new Uint8Array(old.length);
  const keyed = /* @__PURE__ */ new Map();
  old.forEach((m, i) => {
    const key = keyOf(m);
    if (key) {
      keyed.set(key, i);
      used[i] = 1;
    }
  });
  const from = next.map((m) => {
    const key = keyOf(m);
    const i = key ? keyed.get(key) : void 0;
    if (i === void 0) return -1;
    keyed.delete(key);
    return i;
  });
  const unkeyed = next.map((m) => !keyOf(m));
  let at = 0;
  next.forEach((m, i) => {
    if (!unkeyed[i]) return;
    for (let j = at, seen = 0; j < old.length && seen < LOOKAHEAD; j++) {
      if (used[j]) continue;
      seen++;
      if (!old[j].n.isEqualNode(m.n)) continue;
      from[i] = j;
      used[j] = 1;
      at = j + 1;
      return;
    }
  });
  const high = new Int32Array(next.length + 1).fill(old.length);
  for (let i = next.length - 1; i >= 0; i--) high[i] = unkeyed[i] && from[i] >= 0 ? from[i] : high[i + 1];
  let low = 0;
  next.forEach((m, i) => {
    if (!unkeyed[i]) return;
    if (from[i] >= 0) {
      low = from[i] + 1;
      return;
    }
    for (let j = low; j < high[i]; j++) {
      if (used[j] || kindOf(old[j]) !== kindOf(m)) continue;
      from[i] = j;
      used[j] = 1;
      low = j + 1;
      return;
    }
  });
  return from;
}
var kindOf = ({ n }) => isElement(n) ? `${n.namespaceURI} ${n.localName}` : String(n.nodeType);
function keyOf(m) {
  if (!isElement(m.n)) return null;
  const key = m.n.getAttribute("live-key") ?? m.n.getAttribute("data-key") ?? m.n.id;
  return key ? `${kindOf(m)} ${key}` : null;
}

// js/src/shape.ts
var OFFSET = 2166136261;
var PRIME = 16777619;
var OPEN = 1;
var CLOSE = 2;
var TEXT = 3;
var COMMENT = 4;
var encoded = /* @__PURE__ */ new Map();
function shapeOf(nodes) {
  const shape = new Shape();
  for (const m of nodes) shape.add(m);
  return shape.sum;
}
var Shape = class {
  #hash = OFFSET | 0;
  get sum() {
    return this.#hash >>> 0;
  }
  add(m) {
    const node = m.n;
    if (!isElement(node)) {
      this.#byte(node.nodeType === 8 ? COMMENT : TEXT);
      return;
    }
    this.#name(node.localName);
    this.#byte(OPEN);
    for (const child of m.k) this.add(child);
    this.#byte(CLOSE);
  }
  #byte(b) {
    this.#hash = Math.imul(this.#hash ^ b, PRIME);
  }
  #name(name2) {
    let bytes = encoded.get(name2);
    if (!bytes) encoded.set(name2, bytes = new TextEncoder().encode(name2.replace(/[A-Z]/g, (c) => c.toLowerCase())));
    for (const b of bytes) this.#byte(b);
  }
};

// js/src/patch.ts
var PatchError = class extends Error {
  name = "PatchError";
};
function applyPatch(root, patch, writer) {
  const run = new Run(writer);
  run.items(root, patch);
  return { ops: run.ops, inserted: run.shape.sum };
}
var Run = class {
  ops = 0;
  shape = new Shape();
  #writer;
  constructor(writer) {
    this.#writer = writer;
  }
  items(base, patch) {
    let node = base;
    let parent = null;
    for (const item of patch) {
      if (typeof item === "number") {
        parent = node;
        node = childAt(node, item);
        continue;
      }
      if (!Array.isArray(item)) {
        this.ops++;
        if (typeof item === "string") this.#text(parent, node, item);
        else this.#attributes(node, item);
      } else if (parent) {
        this.items(node, item);
      } else {
        this.ops++;
        this.#order(base, item);
      }
      node = base;
      parent = null;
    }
    if (parent) throw new PatchError("path without an end");
  }
  #text(parent, m, value) {
    if (m.k) throw new PatchError("text for an element");
    if (parent && m.n.parentNode !== hostOf(parent.n)) restoreTexts(parent);
    this.#writer.text(m.n, value);
  }
  #attributes(m, attrs) {
    if (!isElement(m.n) || typeof attrs !== "object" || !attrs) throw new PatchError("attributes for a text");
    for (const name2 in attrs) this.#writer.attribute(m.n, name2, attrs[name2]);
  }
  /** Everything is read and checked before the first node moves, so that a bad op leaves mirror and DOM in step. */
  #order(base, list) {
    if (!isElement(base.n)) throw new PatchError("children for a text");
    const old = base.k;
    const next = [];
    const from = [];
    const used = new Uint8Array(old.length);
    let last = -1;
    const keep = (i) => {
      if (!(i >= 0 && i < old.length) || used[i]) throw new PatchError(`child ${i} of ${old.length} in an order`);
      used[i] = 1;
      next.push(old[i]);
      from.push(i);
      last = i;
    };
    for (const entry of list) {
      if (typeof entry === "string") {
        for (const fresh of mirrorChildren(parseInside(base.n, entry))) {
          this.shape.add(fresh);
          next.push(fresh);
          from.push(-1);
        }
      } else if (typeof entry !== "number") {
        throw new PatchError("order of something else than children");
      } else if (entry >= 0) {
        keep(entry);
      } else {
        for (let n = -entry; n > 0; n--) keep(last + 1);
      }
    }
    place(base, next, from);
    this.#writer.children(base.n);
  }
};
function childAt(m, index) {
  const child = m.k?.[index];
  if (!child) throw new PatchError(`no child ${index} in ${m.n.nodeName} with ${m.k?.length ?? "no"} children`);
  return child;
}

// js/src/view.ts
var View = class {
  root;
  #writer;
  #foreign;
  #ask;
  #mirror;
  /** Nothing was applied yet: what the page shows is what the server sent with it, and what others added. */
  #pristine = true;
  #keep = false;
  #asked = null;
  #failures = 0;
  constructor(root, writer, foreign, ask) {
    this.root = root;
    this.#writer = writer;
    this.#foreign = foreign;
    this.#ask = ask;
    this.#mirror = mirrorOf(root);
  }
  /** Applies a frame's patch or HTML. Returns the number of changes, or null when there was nothing to apply. */
  apply(frame) {
    const { patch, extra } = frame;
    let ops = null;
    try {
      if (extra.html !== void 0) {
        this.#asked = null;
        ops = this.#morph(extra.html);
      } else if (this.#asked) {
        return null;
      } else if (patch.length > 0) {
        const applied = this.#foreign.during(() => applyPatch(this.#mirror, patch, this.#writer));
        this.#pristine = false;
        ops = applied.ops;
        if (extra.i !== void 0 && extra.i !== applied.inserted) throw new Error("shape differs");
      }
      if (extra.h !== void 0 && this.#failures < 2 && extra.h !== shapeOf(this.#mirror.k)) {
        this.#keep = this.#pristine;
        throw new Error("shape differs");
      }
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
    return ops;
  }
  /** A frame was lost to this view: whatever it changed is missing. */
  missed(reason) {
    if (!this.#asked) this.#failed(reason);
  }
  /** After a join: a request that was not answered is made again, and a fresh instance is told of HTML mode. */
  joined(how) {
    if (how === "resume") {
      if (this.#asked) this.#ask(...this.#asked);
      return;
    }
    this.#asked = null;
    if (this.#failures >= 2) this.#request("html", "shape differs");
    else this.#failures = 0;
  }
  #failed(reason) {
    this.#failures++;
    this.#request(this.#failures === 1 ? "resync" : "html", reason);
  }
  #request(remedy2, reason) {
    this.#asked = [remedy2, reason];
    this.#ask(remedy2, reason);
  }
  #morph(html) {
    const next = mirrorChildren(parseInside(this.root, html));
    this.#foreign.during(() => new Morph(this.#writer, this.#foreign, this.#keep).children(this.#mirror, next));
    this.#pristine = this.#keep = false;
    return 1;
  }
};

// js/src/attribute.ts
var NAME2 = /^[^\s"'<>/=`\0]+$/;
function setAttribute(el, name2, value) {
  if (isHtml(el) || !name2.includes(":")) {
    try {
      el.setAttribute(name2, value);
      return;
    } catch (error) {
      if (!NAME2.test(name2)) throw error;
    }
  }
  const existing = el.getAttributeNode(name2);
  if (existing) {
    existing.value = value;
    return;
  }
  if (!NAME2.test(name2)) throw new TypeError(`attribute name ${JSON.stringify(name2)}`);
  const template = document.createElement("template");
  template.innerHTML = isHtml(el) ? `<i ${name2}></i>` : `<svg ${name2}></svg>`;
  const parsed = template.content.firstElementChild;
  const attribute = document.importNode(parsed.removeAttributeNode(parsed.attributes[0]), true);
  attribute.value = value;
  el.setAttributeNode(attribute);
}

// js/src/writer.ts
var tokens = (list) => list ? list.split(/\s+/).filter(Boolean) : [];
var DomWriter = class {
  #edits;
  #foreign;
  /** Selects whose options have changed. */
  #selects = /* @__PURE__ */ new Set();
  /** What is to show what the server has rendered. */
  #owners = /* @__PURE__ */ new Set();
  constructor(edits, foreign) {
    this.#edits = edits;
    this.#foreign = foreign;
  }
  attribute(el, name2, value) {
    const control = this.#select(el) ?? el;
    const yields = this.#edits.yields(control, /^(value|selected)$/.test(name2));
    const shown = name2 === "class" ? this.#withScripts(el, value) : value;
    this.#foreign.own(el, name2, value, shown !== value);
    if (shown === null) {
      if (name2 === "open" && el instanceof HTMLDialogElement && el.open) el.close();
      el.removeAttribute(name2);
    } else {
      setAttribute(el, name2, shown);
    }
    if (yields) this.#property(el, name2, value);
    if (name2 === "live-overwrite") this.#owners.add(el);
  }
  text(node, value) {
    const parent = node.parentNode;
    this.#select(parent);
    const yields = parent instanceof HTMLTextAreaElement && this.#edits.yields(parent, true);
    node.data = value;
    if (yields) setText(parent, parent.defaultValue);
  }
  children(el) {
    this.#select(el);
    if (el instanceof HTMLTextAreaElement && (!this.#edits.isEdited(el) || this.#edits.yields(el, true))) setText(el, el.defaultValue);
  }
  /** Everything of a frame is written: the changes to a view that was there, or a whole one of a fresh instance. */
  done(whole) {
    this.#edits.catchUp();
    for (const select of this.#selects) this.#edits.choose(select);
    for (const owner of this.#owners) if (!whole) this.#edits.settle(owner);
    this.#selects.clear();
    this.#owners.clear();
  }
  /** The select that an option, or a group of options, belongs to. */
  #select(node) {
    const select = node instanceof Element ? node.closest("select") : null;
    if (select) this.#selects.add(select);
    return select;
  }
  /** The server's classes together with those that scripts have added. */
  #withScripts(el, value) {
    const base = this.#foreign.base(el, "class");
    if (base === void 0) return value;
    const server = /* @__PURE__ */ new Set([...tokens(base), ...tokens(value)]);
    const added = tokens(el.getAttribute("class")).filter((token) => !server.has(token));
    return added.length > 0 ? [...tokens(value), ...added].join(" ") : value;
  }
  /** Some attributes are only where a control begins; what it shows is a property. */
  #property(el, name2, value) {
    if (name2 === "value" && el instanceof HTMLInputElement && hasText(el)) setText(el, value ?? "");
    else if (name2 === "checked" && el instanceof HTMLInputElement) el.checked = value !== null;
    else if (name2 === "selected" && el instanceof HTMLOptionElement) el.selected = value !== null;
    else if (name2 === "muted" && el instanceof HTMLMediaElement) el.muted = value !== null;
  }
};

// js/src/session.ts
var LARGE = "That is too large to send.";
var FULL = "Too much waits for the connection: this was not sent.";
var Session = class {
  #settings;
  #outbox = new Outbox();
  #pending = new Pending();
  #notices = new Notices();
  // What belongs to the view that is shown: see #show.
  #root;
  #edits;
  #foreign;
  #writer;
  #view;
  #events;
  #saved;
  #confirm = new Confirm((k) => this.#up({ kind: "confirm", k }));
  #status;
  #socket;
  #departure;
  /** A view that is embedded in a foreign page leaves that page's URL alone. */
  #navigation;
  #secret;
  #tag;
  /** Frames that wait for the browser to have taken its picture of the page before. */
  #held = null;
  constructor(root, settings) {
    this.#settings = settings;
    this.#show(root);
    this.#navigation = embeddedAt(root) ? null : new Navigation({
      visit: (visit) => this.#visit(visit),
      announce: (name2, detail, cancelable) => this.#announce(name2, detail, cancelable) && (!cancelable || !this.#question() || confirm(this.#question()))
    });
    this.#status = new Status(root, settings.statusDelay ?? 2e3);
    this.#socket = new Socket(
      {
        hello: () => this.#hello(),
        received: (text) => this.#received(text),
        lost: (final) => this.#lost(final),
        refused: () => {
          this.#dropped(this.#outbox.drop(), LARGE);
          this.#failed(0, LARGE);
        },
        leaving: () => this.#departure.leaving
      },
      {
        url: () => socketURL(embeddedAt(this.#root) ?? this.#navigation.url),
        reconnectMin: settings.reconnectMin ?? 100,
        reconnectMax: settings.reconnectMax ?? 5e3
      }
    );
    this.#departure = new Departure(
      () => !!this.#question(),
      () => {
        this.#events.flush();
        this.#socket.rest();
      },
      () => {
        if (!this.#socket.joined) this.#lost(false);
        this.#socket.back();
      }
    );
  }
  /** Makes what belongs to a view, the first one or one that was navigated to. */
  #show(root) {
    this.#root = root;
    this.#edits = new Edits(() => this.#outbox.newest);
    this.#tag = root.getAttribute("data-live-tag") ?? void 0;
    this.#foreign = new ForeignValues(root);
    this.#writer = new DomWriter(this.#edits, this.#foreign);
    this.#view = new View(root, this.#writer, this.#foreign, (kind, reason) => {
      console.warn(`livelong: ${kind}: ${reason}`);
      this.#up({ kind, reason });
    });
    this.#events = new Events(root, {
      send: (event) => this.#sendFrom(event),
      busy: (owner, type) => this.#outbox.some(({ source: { event } }) => event?.owner === owner && event.type === type),
      failed: (error) => this.#failed(0, String(error))
    });
    this.#saved = new Saved(root);
  }
  /** What the user is to be asked before the page is left, because edits of a form would be lost. */
  #question() {
    const forms = [...this.#root.querySelectorAll("form[live-guard]:not([live-native])")];
    return forms.find((form) => form.hasAttribute("live-dirty") || this.#edits.dirty(form))?.getAttribute("live-guard");
  }
  #listen() {
    this.#foreign.start();
    this.#edits.start();
    this.#events.start();
  }
  #leave() {
    this.#events.stop();
    this.#edits.stop();
    this.#foreign.stop();
    this.#saved.stop();
  }
  /** The boot: from here on the page is live. Events made before the connection stands wait in the outbox. */
  start() {
    this.#listen();
    this.#navigation?.start();
    this.#notices.start();
    this.#departure.start();
    this.#status.start();
    this.#socket.start();
  }
  stop() {
    this.#departure.stop();
    this.#leave();
    this.#navigation?.stop();
    this.#notices.stop();
    this.#socket.stop();
    this.#confirm.stop();
    this.#status.stop();
    this.#dropped(this.#outbox.drop(), "disconnected");
  }
  /** Sends an event from a script. The promise settles with the server's reply, undefined when there is none. */
  push(name2, value, from) {
    return new Promise((resolve, reject) => {
      const payload = value === void 0 ? void 0 : { v: value };
      const entry = this.#outbox.add(name2, payload, { from, resolve, reject });
      if (!entry) return reject(new Error(FULL));
      this.#flush();
    });
  }
  navigate(href, replace) {
    if (this.#navigation) this.#navigation.go(href, replace);
    else load(href);
  }
  /** Asks for another URL; 0 when the server cannot be asked. */
  #visit(visit) {
    if (!this.#secret || !this.#socket.wanted) return 0;
    this.#events.flush();
    const entry = this.#outbox.add("/", { v: visit }, {});
    this.#flush();
    return entry?.n ?? 0;
  }
  #hello() {
    const { params } = this.#settings;
    const size = this.#root.hasAttribute("data-live-recorded") ? [innerWidth, innerHeight, devicePixelRatio] : void 0;
    const token = this.#root.getAttribute("data-live") ?? "";
    const options = { secret: this.#secret, k: this.#confirm.k || void 0, n: this.#outbox.sent || void 0, tag: this.#tag, size, params };
    return encode({ kind: "join", token, options });
  }
  #received(text) {
    if (this.#held) return void this.#held.push(text);
    let frame;
    try {
      const down = decode(text);
      if (down.kind === "pong") return;
      frame = down;
    } catch (error) {
      this.#confirm.applied();
      this.#view.missed(String(error));
      return;
    }
    const { join } = frame.extra;
    if (join?.how !== "navigate") return this.#take(frame, text.length);
    const take = () => {
      const held = this.#held ?? [];
      this.#held = null;
      this.#take(frame, text.length);
      for (const each of held) this.#received(each);
    };
    if (!this.#settings.transitions || !document.startViewTransition) return take();
    this.#held = [];
    document.startViewTransition(take);
  }
  #take(frame, chars) {
    const { join } = frame.extra;
    if (join) this.#joined(join);
    else if (!this.#socket.joined) return;
    this.#apply(frame, chars);
    if (join) this.#welcome(join);
    else this.#confirm.applied();
  }
  /** What the answer to a join means for everything that was remembered of the connection before. */
  #joined(join) {
    const first = !this.#socket.joined;
    if (first) this.#socket.welcome();
    this.#secret = join.secret;
    if (join.how === "navigate") {
      this.#dropped(this.#outbox.drop(), "the page was left");
      if (first) this.#outbox.resumed(join.n ?? 0);
      this.#confirm.restart();
    } else if (join.how === "mount") {
      const before = this.#outbox.sent;
      this.#dropped(this.#outbox.mounted(), "the page was started afresh");
      this.#edits.mounted(before, join.recovered);
      this.#confirm.restart();
    } else {
      this.#outbox.resumed(join.n ?? 0);
    }
  }
  #welcome(join) {
    if (join.how === "navigate") this.#up({ kind: "here", reason: String(join.visit) });
    this.#view.joined(join.how);
    if (this.#status.set("connected")) this.#announce("connected", { how: join.how });
    this.#flush();
    if (join.how === "mount") this.#tellEdits();
    if (isFresh(join)) this.#navigation?.again();
  }
  #apply(frame, chars) {
    const { ref, extra } = frame;
    const began = performance.now();
    const landed = extra.url && this.#navigation?.moved(extra.url, extra.join);
    if (extra.url) this.#notices.clear();
    if (extra.token) this.#root.setAttribute("data-live", extra.token);
    if (extra.join?.how === "navigate") frame = this.#swap(frame);
    this.#edits.frame(ref);
    this.#events.still = true;
    this.#pending.lift();
    const ops = this.#view.apply(frame);
    this.#writer.done(extra.html !== void 0);
    if (ops !== null) this.#announce("patched", { bytes: chars, ops, ms: performance.now() - began });
    this.#tag = extra.tag ?? (ops === null ? this.#tag : void 0);
    this.#answered(frame);
    this.#pending.settle();
    this.#events.still = false;
    if (!isFresh(extra.join)) this.#navigation?.answered(ref, extra.to !== void 0);
    if (extra.title !== void 0) retitle(extra.title);
    landed?.(this.#root);
    for (const [kind, text] of extra.flash ?? []) this.#notices.flash(kind, text);
    if (extra.s !== void 0) this.#mark(extra.s, extra.join?.how === "mount");
    for (const [n, text] of extra.error ?? []) this.#failed(n, text);
    for (const [name2, detail] of extra.push ?? []) this.#announce(name2, detail);
    if (extra.carry) document.cookie = `livelong_flash=${extra.carry};path=/;max-age=60;samesite=lax`;
    if (extra.to !== void 0 && !load(extra.to)) this.#failed(0, `refused to load ${extra.to}`);
  }
  /** Puts another view in the place of the one that is shown. Returns what is left to be applied. */
  #swap(frame) {
    const { html, ...extra } = frame.extra;
    const root = parseInside(this.#root.parentElement, html ?? "").firstElementChild;
    this.#leave();
    this.#root.replaceWith(root);
    this.#show(root);
    this.#status.move(root);
    this.#listen();
    return { ...frame, extra };
  }
  #answered({ ref, extra }) {
    const replies = new Map(extra.reply);
    const errors = new Map(extra.error);
    for (const { n, source } of this.#outbox.answered(ref)) {
      const error = errors.get(n);
      const { event } = source;
      if (!event) {
        if (error === void 0) source.resolve?.(replies.get(n));
        else source.reject?.(new Error(error));
        continue;
      }
      this.#pending.remove(marked(event));
      if (event.type !== "submit" || !event.form || error !== void 0) continue;
      if (event.form.hasAttribute("live-native")) event.form.requestSubmit(event.control === event.form ? null : event.control);
      else this.#edits.settle(event.form, n);
    }
  }
  /**
   * A fresh instance does not know what the user has entered and the page still shows: it is told once more, but for
   * what was stored.
   */
  #tellEdits() {
    const told = /* @__PURE__ */ new Set();
    for (const control of this.#root.querySelectorAll("input,textarea,select")) {
      const owner = isControl(control) && this.#edits.isEdited(control) ? teller(control) : null;
      if (!owner) continue;
      if (owner.getAttribute("live-recover") === "") continue;
      this.#edits.edited(control);
      if (told.has(owner)) continue;
      this.#events.again(control);
      if (owner === control.form) told.add(owner);
    }
  }
  #sendFrom(event) {
    if (JSON.stringify(event.payload).length > MAX_UP_CHARS / 2) return this.#failed(0, LARGE);
    const same = ({ source: { event: e }, name: name2 }) => event.type === "change" && e?.owner === event.owner && name2 === event.name && (!!event.form || e.control === event.control);
    const newest = this.#outbox.newest;
    const entry = this.#outbox.add(event.name, event.payload, { from: event.owner, event }, same);
    if (!entry) return this.#failed(0, FULL);
    if (entry.n > newest) this.#pending.add(marked(event));
    const { owner, control, type } = event;
    if (type === "submit" || owner.hasAttribute("live-busy")) this.#pending.wait(owner, control);
    this.#edits.carried(entry.n, event.form ? event.form.elements : [event.control]);
    this.#flush();
  }
  #flush() {
    if (!this.#socket.joined) return;
    for (const { n, name: name2, payload, source } of this.#outbox.take()) {
      const target = source.from?.closest("[live-child]")?.getAttribute("live-key") ?? void 0;
      this.#up({ kind: "event", n, name: name2, payload: payload && Object.keys(payload).length > 0 ? payload : void 0, target });
      this.#confirm.busy();
    }
  }
  #up(frame) {
    if (this.#socket.joined) this.#socket.send(encode(frame));
  }
  #lost(final) {
    this.#confirm.stop();
    if (this.#departure.leaving) return;
    const was = this.#status.state;
    if (!this.#status.set(final ? "error" : was === "connecting" ? "connecting" : "disconnected")) return;
    if (was === "connected") this.#announce("disconnected", { final });
  }
  #dropped(entries, why) {
    this.#pending.lift();
    for (const { source } of entries) {
      if (source.event) this.#pending.remove(marked(source.event));
      else source.reject?.(new Error(why));
    }
    this.#pending.settle();
  }
  /** fresh: the answer of a fresh instance speaks of no event. */
  #mark(save, fresh) {
    if (save === 0 && !fresh) this.#edits.saved();
    const state = this.#saved.set(save);
    if (state) this.#announce("saved", { state });
  }
  #failed(n, text) {
    this.#notices.alert(text);
    this.#announce("error", { n, text });
  }
  #announce(name2, detail, cancelable = false) {
    return window.dispatchEvent(new CustomEvent(`live:${name2}`, { detail, cancelable }));
  }
};
var isFresh = (join) => join?.how === "mount" || join?.how === "navigate";
function retitle(title) {
  const { prefix = "", suffix = "", default: otherwise = "" } = document.querySelector("head > title")?.dataset ?? {};
  document.title = prefix + (title || otherwise) + suffix;
}
var marked = ({ owner, control, form }) => form ? [owner, control, form] : [owner, control];

// js/src/index.ts
function connect(options = {}) {
  const root = options.root ?? document.querySelector("[data-live]");
  const session = root && new Session(root, options);
  const listening = new AbortController();
  session?.start();
  return {
    push(name2, payload, from) {
      if (!session || listening.signal.aborted) return Promise.reject(new Error("no live view is connected"));
      if (!isEventName(name2)) return Promise.reject(new Error(`no event name: ${JSON.stringify(name2)}`));
      return session.push(name2, payload, from);
    },
    on(name2, fn) {
      const listener = (event) => fn(event.detail);
      addEventListener(`live:${name2}`, listener, { signal: listening.signal });
      return () => removeEventListener(`live:${name2}`, listener);
    },
    navigate(href, replace) {
      if (session && !listening.signal.aborted) session.navigate(href, replace);
      else location.assign(href);
    },
    disconnect() {
      listening.abort();
      session?.stop();
    }
  };
}
export {
  connect
};
