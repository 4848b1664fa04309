/**
 * Debounce and throttle. A held-back event remembers only its newest version; nothing is sent for elements that have left
 * the page meanwhile.
 */

export interface Pace {
  readonly debounce: number | "blur";
  readonly throttle: number;
}

interface Held {
  /** The elements that must still be there when the time has come. */
  elements: readonly Element[];
  fire: (() => void) | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  readonly debounced: boolean;
}

export class Timing {
  readonly #held = new Map<Element, Map<string, Held>>();

  /**
   * Runs fire now or later as the pace of the binding says. owner is the element with the binding, key tells its events
   * apart, control is what the user touched.
   */
  run(owner: Element, control: Element, key: string, pace: Pace, fire: () => void): void {
    if (pace.debounce) this.#debounce(owner, control, key, pace.debounce, fire);
    else if (pace.throttle > 0) this.#throttle(owner, control, key, pace.throttle, fire);
    else fire();
  }

  /** Sends what is held back by debouncing for this owner: a control lost focus, a form is submitted. */
  flush(owner: Element): void {
    for (const [key, held] of this.#held.get(owner) ?? []) {
      if (!held.debounced) continue;
      this.#drop(owner, key);
      fire(held);
    }
  }

  /** The same for all elements, before the page goes. */
  flushAll(): void {
    for (const owner of [...this.#held.keys()]) this.flush(owner);
  }

  /** Forgets everything: nothing is sent any more. */
  stop(): void {
    for (const [owner, all] of this.#held) for (const key of all.keys()) this.#drop(owner, key);
  }

  #debounce(owner: Element, control: Element, key: string, wait: number | "blur", fire: () => void): void {
    this.#drop(owner, key);
    this.#hold(owner, key, {
      elements: [owner, control],
      fire,
      timer: wait === "blur" ? undefined : setTimeout(() => this.flush(owner), wait),
      debounced: true,
    });
  }

  #throttle(owner: Element, control: Element, key: string, wait: number, run: () => void): void {
    const running = this.#held.get(owner)?.get(key);
    if (running) {
      running.elements = [owner, control];
      running.fire = run;
      return;
    }
    const held: Held = { elements: [], fire: null, timer: undefined, debounced: false };
    const next = (): void => {
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

  #hold(owner: Element, key: string, held: Held): void {
    const all = this.#held.get(owner);
    if (all) all.set(key, held);
    else this.#held.set(owner, new Map([[key, held]]));
  }

  #drop(owner: Element, key: string): void {
    const all = this.#held.get(owner);
    clearTimeout(all?.get(key)?.timer);
    all?.delete(key);
    if (all?.size === 0) this.#held.delete(owner);
  }
}

function fire(held: Held): void {
  if (held.elements.every((el) => el.isConnected)) held.fire?.();
}
