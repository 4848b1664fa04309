/**
 * What the user typed, ticked and chose, and whether the server has seen it. An answer to an older event never rolls
 * back a newer edit: a control remembers which event was the first that could carry its latest edit, and the server's
 * value reaches its property only with an answer to that event or a later one. An edit that debouncing holds back is
 * carried by none of the events that other elements send meanwhile. Attributes always follow the server.
 */
import { stateOf } from "./form.ts";

export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Inputs whose value property leaves the attribute behind once it was edited. */
const VALUELESS = /^(checkbox|radio|hidden|submit|button|reset|image|file)$/;

export const hasText = (el: Element): el is HTMLInputElement | HTMLTextAreaElement =>
  el instanceof HTMLTextAreaElement || (el instanceof HTMLInputElement && !VALUELESS.test(el.type));

export const isControl = (el: unknown): el is Control =>
  el instanceof HTMLInputElement || el instanceof HTMLTextAreaElement || el instanceof HTMLSelectElement;

/** What tells the server of a control's edits; null when only a submit does. */
export function teller(control: Element): Element | null {
  const { form } = control as Partial<HTMLInputElement>;
  const near = control.closest("[live-change]");
  // A form speaks for its own controls, which may stand elsewhere, and not for those of another one.
  const foreign = near instanceof HTMLFormElement && form !== undefined && near !== form;
  return near && !foreign ? near : (form?.closest("[live-change]") ?? null);
}

/** What the server has chosen. */
const offered = (select: HTMLSelectElement): string => JSON.stringify([...select.options].filter((o) => o.defaultSelected).map((o) => o.value));

export class Edits {
  readonly #stamps = new WeakMap<Element, number>();
  /** What each control showed after its latest edit. */
  readonly #states = new WeakMap<Element, string>();
  /** What the server had chosen then, or in the latest frame since. */
  readonly #offers = new WeakMap<Element, string>();
  /** Controls whose latest edit no event has carried. */
  readonly #untold = new WeakSet<Element>();
  /** Controls that the server would have changed, had the user not been at them. */
  readonly #late = new Set<Element>();
  readonly #newest: () => number;
  #composing: EventTarget | null = null;
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
  #stop: AbortController | null = null;

  /** newest tells the number of the newest event made. */
  constructor(newest: () => number) {
    this.#newest = newest;
  }

  start(): void {
    this.#stop = new AbortController();
    const options = { capture: true, signal: this.#stop.signal };
    document.addEventListener("click", () => (this.#clicked = this.#newest() + 1), options);
    document.addEventListener("input", ({ target }) => this.edited(target), options);
    document.addEventListener(
      "change",
      ({ target }) => {
        // Most controls say both for one edit.
        if (isControl(target) && this.#states.get(target) !== stateOf(target)) this.edited(target);
      },
      options,
    );
    document.addEventListener("focusout", () => this.catchUp(), options);
    document.addEventListener("compositionstart", (event) => (this.#composing = event.target), options);
    document.addEventListener("compositionend", () => (this.#composing = null), options);
  }

  stop(): void {
    this.#stop?.abort();
  }

  edited(target: EventTarget | null): void {
    if (!isControl(target)) return;
    // A box is ticked after its click, which the server may have been told of already: then that event carries the edit.
    const ticked = /^(checkbox|radio)$/.test(target.type) && target.closest("[live-click]");
    const stamp = ticked ? this.#clicked : this.#newest() + 1;
    this.#stamps.set(target, stamp);
    this.#states.set(target, stateOf(target));
    this.#untold.add(target);
    if (target instanceof HTMLSelectElement) this.#offers.set(target, offered(target));
    // Choosing one radio button edits its whole group.
    if (target.type === "radio" && target.name) {
      const scope = target.form ?? document;
      for (const other of scope.querySelectorAll<HTMLInputElement>("input[type=radio]")) {
        if (other.name === target.name && other.form === target.form) this.#stamps.set(other, stamp);
      }
    }
  }

  isEdited(control: Element): boolean {
    return this.#heldBack(control) || (this.#stamps.get(control) ?? 0) > this.#recovered;
  }

  forget(control: Element): void {
    this.#stamps.delete(control);
    this.#untold.delete(control);
  }

  /** Event n carries what the controls show now, though it may have been numbered before their latest edit. */
  carried(n: number, controls: Iterable<Element>): void {
    for (const control of controls) {
      if (this.#untold.delete(control) || this.#stamp(control) > n) this.#stamps.set(control, n);
    }
  }

  /** A fresh instance runs; it has seen none of the events up to n, or only what was stored of them. */
  mounted(n: number, recovered?: boolean): void {
    this.#base = n + 1;
    this.#recovered = recovered ? this.#saved : 0;
  }

  /** All that the answered events have changed is stored. */
  saved(): void {
    this.#saved = this.#ref;
  }

  /** A frame answering events up to ref is about to be applied. */
  frame(ref: number): void {
    this.#answers = ref > this.#ref;
    this.#ref = ref;
  }

  /** Whether the server may set the control's value, checkedness or choice now; else, where it wants to, when the user has left it. */
  yields(control: Element, wants = false): boolean {
    if (this.#unfinished(control)) return false;
    const stamp = this.#stamp(control);
    if (stamp > this.#ref) return false;
    // What was typed or chosen stays as long as the user is at it.
    const busy = stamp > 0 && control === document.activeElement && (hasText(control) || control instanceof HTMLSelectElement);
    if (busy && wants) this.#late.add(control);
    return !busy;
  }

  /** Shows what the server has said of controls while the user was at them. */
  catchUp(): void {
    for (const control of this.#late) {
      if (!this.yields(control)) continue;
      this.#late.delete(control);
      reset(control as Control);
    }
  }

  /** The options of a select may be others now. What the user has chosen stays chosen, unless the server has since. */
  choose(select: HTMLSelectElement): void {
    const state = this.#states.get(select);
    if (!state || !this.#stamps.has(select)) return;
    const chosen = this.#offers.get(select) !== offered(select);
    this.#offers.set(select, offered(select));
    const mine = new Set(JSON.parse(state) as string[]);
    const kept = [...select.options].filter((o) => mine.has(o.value));
    if ((chosen && this.yields(select)) || (mine.size > 0 && kept.length === 0)) reset(select);
    else for (const o of select.options) o.selected = kept.includes(o);
  }

  /** Whether something in a form was edited since it was answered that it is saved. */
  dirty(form: HTMLFormElement): boolean {
    return [...form.elements].some((el) => this.isEdited(el));
  }

  /**
   * After the answer n to a form's submit, and where the server says so: what was not edited since follows the server, as
   * after a page load. Nobody else than a submit tells the server of some controls: then the server is right in any case,
   * but for what was typed after the event that it answers.
   */
  settle(owner: Element, n?: number): void {
    for (const el of owner instanceof HTMLFormElement ? owner.elements : [owner]) {
      const until = n ?? (this.#answers || teller(el) ? this.#ref : Infinity);
      if (!isControl(el) || this.#stamp(el) > until || this.#unfinished(el)) continue;
      reset(el);
      this.forget(el);
    }
  }

  /** What the user is in the middle of: a composition, a number that is none yet ("1e"). */
  #unfinished(control: Element): boolean {
    return control === this.#composing || (isControl(control) && control.validity.badInput);
  }

  #heldBack(control: Element): boolean {
    return this.#untold.has(control) && isControl(control) && teller(control) !== null;
  }

  #stamp(control: Element): number {
    if (this.#heldBack(control)) return Infinity;
    const stamp = this.#stamps.get(control);
    if (stamp !== undefined) return stamp > this.#recovered ? Math.max(stamp, this.#base) : 0;
    // Typed before the client ran, or restored by the browser. Sliders and colours make up a value of their own.
    if (!isControl(control) || !hasText(control) || /^(range|color)$/.test(control.type)) return 0;
    return control.value !== control.defaultValue ? 1 : 0;
  }
}

function reset(el: Control): void {
  if (el instanceof HTMLSelectElement) {
    const options = [...el.options];
    if (el.multiple || options.some((o) => o.defaultSelected)) for (const o of options) o.selected = o.defaultSelected;
    else el.selectedIndex = options.findIndex((o) => !o.disabled);
  } else if (hasText(el)) {
    setText(el, el.defaultValue);
  } else {
    const box = el as HTMLInputElement;
    if (box.type !== "file") box.checked = box.defaultChecked;
  }
}

/** Sets a text control's value; where it is focused, the caret stays as near as the new text allows. */
export function setText(el: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  if (el.value === value) return;
  const { selectionStart, selectionEnd } = el;
  const atEnd = selectionStart === el.value.length;
  el.value = value;
  if (el === document.activeElement && selectionStart !== null && !atEnd) el.setSelectionRange(selectionStart, selectionEnd);
}
