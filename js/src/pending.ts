/**
 * The class live-pending stands on an element as long as any event of it awaits its answer. Until a submit is answered the
 * form's submit buttons are disabled, too, and what was pressed says what it does where it has live-busy. That is taken
 * back before each patch and done again after it, so that patches find what the server made, and nothing has to be guessed
 * when it ends.
 */

export const PENDING = "live-pending";

export class Pending {
  readonly #counts = new Map<Element, number>();
  /** Forms and buttons that wait, and what was pressed. */
  readonly #waiting = new Map<Element, Element>();
  #undo: (() => void)[] = [];

  add(elements: Iterable<Element>): void {
    for (const el of new Set(elements)) {
      this.#counts.set(el, (this.#counts.get(el) ?? 0) + 1);
      el.classList.add(PENDING);
    }
  }

  remove(elements: Iterable<Element>): void {
    for (const el of new Set(elements)) {
      const left = (this.#counts.get(el) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(el, left);
        continue;
      }
      this.#counts.delete(el);
      this.#waiting.delete(el);
      el.classList.remove(PENDING);
      // Leaves no trace where there was no class before.
      if (!el.className) el.removeAttribute("class");
    }
  }

  /** Disables the buttons of a form, or a button that was pressed, until it is removed. */
  wait(owner: Element, pressed: Element): void {
    this.lift();
    this.#waiting.set(owner, pressed);
    this.settle();
  }

  /** Brings back what the server made. */
  lift(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** Disables what still waits. */
  settle(): void {
    for (const [owner, pressed] of this.#waiting) {
      for (const el of (owner instanceof HTMLFormElement ? owner.elements : [owner]) as Iterable<HTMLButtonElement>) {
        if (!el.disabled && (el === owner || /^(submit|image)$/.test(el.type))) this.#disable(el, el === pressed);
      }
    }
  }

  #disable(el: HTMLButtonElement, pressed: boolean): void {
    const focused = el === document.activeElement;
    const words = pressed && el.getAttribute("live-busy");
    const own = [...el.childNodes];
    if (words) el.replaceChildren(words);
    el.disabled = true;
    this.#undo.push(() => {
      el.disabled = false;
      if (words) el.replaceChildren(...own);
      // A disabled button has no focus.
      if (focused && document.activeElement === document.body) el.focus({ preventScroll: true });
    });
  }
}
