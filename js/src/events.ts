/**
 * From DOM events to events of the view. All listeners stand on document and window, so that elements that patches bring
 * need no wiring; a script that calls preventDefault or stopPropagation keeps an event to itself.
 */
import { type Binding, parseBinding } from "./binding.ts";
import { isControl, teller } from "./edits.ts";
import { controlData, formData, stateOf } from "./form.ts";
import { Timing } from "./timing.ts";
import type { Payload } from "./wire.ts";

/** An event on its way to the server. */
export interface Outgoing {
  readonly name: string;
  readonly payload: Payload;
  /** The part of the attribute's name after "live-". */
  readonly type: string;
  /** The element with the binding, and what the user touched: both show that an answer is awaited. */
  readonly owner: Element;
  readonly control: Element;
  /** The form whose values the payload carries. */
  readonly form: HTMLFormElement | null;
}

export interface EventsDelegate {
  send(event: Outgoing): void;
  /** Whether an event of this type from this element awaits its answer. */
  busy(owner: Element, type: string): boolean;
  /** A binding cannot be read: the author's mistake. */
  failed(error: unknown): void;
}

/** What else a DOM event says about an event of the view. */
interface Details {
  readonly control?: Element;
  readonly submitter?: HTMLElement | null;
  readonly form?: HTMLFormElement | null;
  /** The control's own data, when there is no form around the binding. */
  readonly data?: () => string;
}

export class Events {
  readonly #root: Element;
  readonly #delegate: EventsDelegate;
  readonly #timing = new Timing();
  readonly #states = new WeakMap<Element, string>();
  #stop: AbortController | null = null;
  #pressed: EventTarget | null = null;
  /** The page is being changed: a focus that goes with its element was not moved by the user. */
  still = false;

  constructor(root: Element, delegate: EventsDelegate) {
    this.#root = root;
    this.#delegate = delegate;
  }

  start(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const on = <K extends keyof DocumentEventMap>(type: K, fn: (event: DocumentEventMap[K]) => void, capture = false): void =>
      document.addEventListener(type, fn, { signal, capture });
    on("mousedown", (event) => (this.#pressed = event.target), true);
    on("click", (event) => this.#click(event));
    on("submit", (event) => this.#submit(event));
    on("reset", (event) => this.#reset(event));
    on("input", (event) => this.#input(event));
    on("change", (event) => this.#input(event));
    on("focusin", (event) => this.#focus(event, "focus"));
    on("focusout", (event) => this.#focus(event, "blur"));
    for (const type of ["keydown", "keyup"] as const) {
      on(type, (event) => this.#key(event, this.#closest(event.target, type), type));
      addEventListener(type, (event) => this.#everywhere(`window-${type}`, (el, name) => this.#key(event, el, name)), { signal });
    }
    for (const type of ["focus", "blur"]) {
      addEventListener(type, (event) => event.target === window && this.#everywhere(`window-${type}`, (el, name) => this.#fire(el, name, event)), { signal });
    }
  }

  stop(): void {
    this.#stop?.abort();
    this.#timing.stop();
  }

  /** Sends what debouncing holds back. */
  flush(): void {
    this.#timing.flushAll();
  }

  /** Sends once more what the control's edit has sent, or what the page has for that. */
  again(control: Element): void {
    this.#change(control, new Event("change"), teller(control)?.hasAttribute("live-recover") ? "recover" : "change");
  }

  #click(event: MouseEvent): void {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (event.defaultPrevented) return;
    const { target } = event;
    const owner = this.#closest(target, "click");
    // With a modifier or another button a link is being opened elsewhere.
    if (owner && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      if (leadsAway(owner)) event.preventDefault();
      this.#fire(owner, "click", event);
    }
    this.#everywhere("click-away", (el, type) => {
      const inside = (node: EventTarget | null): boolean => node instanceof Node && el.contains(node);
      // What the click removed was not outside; neither was a drag that only ended there.
      const gone = target instanceof Node && !target.isConnected;
      if (!inside(target) && !inside(pressed) && !gone && isSeen(el)) this.#fire(el, type, event);
    });
  }

  #submit(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    const owner = this.#closest(form, "submit");
    if (owner !== form || event.defaultPrevented || form.hasAttribute("live-native")) return;
    const { submitter } = event;
    // The browser closes the dialog and loads nothing.
    const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method");
    if (method?.toLowerCase() !== "dialog") event.preventDefault();
    for (const el of [form, ...form.elements]) this.#timing.flush(el);
    this.#fire(form, "submit", event, { control: submitter ?? form, submitter, form });
  }

  /** The values are back after the event, and the view should know them. */
  #reset(event: Event): void {
    const form = event.target as HTMLFormElement;
    setTimeout(() => this.#closest(form, "change") === form && this.#fire(form, "change", event, { form }));
  }

  #input(event: Event): void {
    const control = event.target;
    if (!(control instanceof Element) || event.defaultPrevented) return;
    // A number that is not one yet ("1e") has no value to send.
    if (isControl(control) && control.validity.badInput) return;
    // Most controls say both input and change for one edit, and some widgets only change.
    const state = stateOf(control);
    if (event.type === "change" && this.#states.get(control) === state) return;
    this.#states.set(control, state);
    this.#change(control, event);
  }

  #change(control: Element, event: Event, type = "change"): void {
    const owner = teller(control);
    if (!owner || !this.#root.contains(owner)) return;
    const form = owner instanceof HTMLFormElement ? owner : null;
    this.#fire(owner, type, event, { control, form, data: () => controlData(control) });
  }

  #focus(event: FocusEvent, type: "focus" | "blur"): void {
    if (this.still) return;
    const target = event.target as Element;
    const told = type === "blur" && teller(target);
    if (told) this.#timing.flush(told);
    const owner = this.#closest(target, type);
    // Within its own content the focus has neither come nor gone.
    if (owner && !(event.relatedTarget instanceof Node && owner.contains(event.relatedTarget))) this.#fire(owner, type, event);
  }

  #key(event: KeyboardEvent, owner: Element | null, type: string): void {
    // Autofill sends key events without a key; while composing, keys belong to the input method.
    if (owner && event.key && !event.isComposing && !event.defaultPrevented) this.#fire(owner, type, event);
  }

  #closest(target: EventTarget | null, type: string): Element | null {
    const owner = target instanceof Element ? target.closest(`[live-${type}]`) : null;
    return owner && this.#root.contains(owner) ? owner : null;
  }

  #everywhere(type: string, fn: (el: Element, type: string) => void): void {
    for (const el of this.#root.querySelectorAll(`[live-${type}]`)) fn(el, type);
  }

  #fire(owner: Element, type: string, event: Event, details: Details = {}): void {
    let binding: Binding;
    try {
      binding = parseBinding(owner.getAttribute(`live-${type}`)!);
    } catch (error) {
      this.#delegate.failed(error);
      return;
    }
    const { name, keys, value } = binding;
    const key = event instanceof KeyboardEvent ? event.key.toLowerCase() : "";
    if (keys.length > 0 && !keys.includes(key)) return;
    if (binding.prevent) event.preventDefault();

    const control = details.control ?? owner;
    const client = clientValues(binding.client, owner, control, event, details.submitter);
    const pace = type === "blur" ? { debounce: 0, throttle: 0 } : binding;
    this.#timing.run(owner, control, type + key, pace, () => {
      // A second click before the answer is the first one, meant impatiently.
      if (/^(click|submit)$/.test(type) && this.#delegate.busy(owner, type)) return;
      const form = details.form ?? null;
      const f = form ? formData(form, details.submitter) : details.data?.();
      const payload: Payload = { ...(value !== undefined && { v: value }), ...(f && { f }), ...(client && { c: client }) };
      this.#delegate.send({ name, payload, type, owner, control, form });
    });
  }
}

/** Whether a click would make the browser load something, which its binding replaces. */
function leadsAway(el: Element): boolean {
  if (el.matches("a[href],area[href]")) return true;
  const { form, type } = el as HTMLButtonElement;
  return el.matches("button,input") && !!form && /^(submit|image|reset)$/.test(type);
}

/** Whether something of the element can be seen: what is hidden or scrolled away cannot be clicked away. */
function isSeen(el: Element): boolean {
  return [...el.getClientRects()].some(
    (r) => r.width > 0 && r.height > 0 && r.bottom > 0 && r.right > 0 && r.top < innerHeight && r.left < innerWidth,
  );
}

/** What the browser fills in, as far as the event wants and has it. */
function clientValues(wanted: readonly string[], owner: Element, control: Element, event: Event, submitter?: HTMLElement | null): Payload["c"] {
  const { key, clientX, clientY } = event as Partial<KeyboardEvent & MouseEvent>;
  // As an <input type="image"> counts: from the element's upper left corner.
  const box = owner.getBoundingClientRect();
  const within = (at: number | undefined, edge: number): number | undefined => (at === undefined ? at : Math.round(at - edge));
  const known: { readonly [key: string]: string | number | undefined } = {
    key,
    value: valueOf(control) ?? valueOf(event.target),
    target: event.type === "reset" ? "[reset]" : nameOf(control),
    submitter: submitter ? nameOf(submitter) : undefined,
    x: within(clientX, box.left),
    y: within(clientY, box.top),
  };
  const values: { [key: string]: string | number } = {};
  for (const name of wanted) {
    const value = known[name];
    if (value !== undefined) values[name] = value;
  }
  return Object.keys(values).length > 0 ? values : undefined;
}

const nameOf = (el: Element): string => el.getAttribute("name") || el.id;

function valueOf(target: EventTarget | null): string | undefined {
  if (target instanceof HTMLElement && target.isContentEditable) return target.textContent ?? "";
  const { value } = (target ?? {}) as Partial<HTMLInputElement>;
  return value === undefined ? undefined : String(value);
}
