/** The class live-pending stands on an element as long as any event of it awaits its answer. */

export const PENDING = "live-pending";

export class Pending {
  readonly #counts = new Map<Element, number>();

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
      el.classList.remove(PENDING);
      // Leaves no trace where there was no class before.
      if (!el.className) el.removeAttribute("class");
    }
  }
}
