/**
 * How long to wait before the next attempt: exponential with full jitter, so that the browsers of a restarted server come
 * back spread out. AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;
  #attempts = 0;

  /** min and max in milliseconds; random returns a number in [0, 1). */
  constructor(min: number, max: number, random: () => number = Math.random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
  }

  /** Milliseconds until the next attempt. */
  next(): number {
    this.#attempts++;
    return this.#random() * Math.min(this.#max, this.#min * 2 ** this.#attempts);
  }

  /** Milliseconds of a wait that someone asked for: at least the longest usual one. */
  pause(): number {
    return this.#max * (1 + this.#random());
  }

  reset(): void {
    this.#attempts = 0;
  }
}
