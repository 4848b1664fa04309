/** Shows how the connection is: one class on the root for styles, and words for the user once it matters. */
import { placeFor } from "./notice.ts";

export type State = "connecting" | "connected" | "disconnected" | "error";

const STATES: readonly State[] = ["connecting", "connected", "disconnected", "error"];

/** The layout's status element may say it in its own words: data-disconnected="…" data-error="…". */
const WORDS: Partial<Record<State, string>> = {
  disconnected: "Connection lost. Trying to reconnect…",
  error: "This page is no longer connected. Reload it to go on.",
};

export class Status {
  readonly #root: Element;
  readonly #delay: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: State | null = null;

  /** delay: milliseconds a connection must be lost before anything is said. */
  constructor(root: Element, delay: number) {
    this.#root = root;
    this.#delay = delay;
  }

  get state(): State | null {
    return this.#state;
  }

  /** Returns whether the state is another than before. */
  set(state: State): boolean {
    if (this.#state === state) return false;
    this.#state = state;
    for (const each of STATES) this.#root.classList.toggle(`live-${each}`, each === state);
    clearTimeout(this.#timer);
    if (WORDS[state]) this.#timer = setTimeout(() => this.#say(state), this.#delay);
    else this.#say(state);
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#say("connected");
    this.#root.classList.remove(...STATES.map((each) => `live-${each}`));
    this.#state = null;
  }

  #say(state: State): void {
    const el = placeFor("data-live-status", "live-status", "status");
    const words = WORDS[state] ? (el.dataset[state] ?? WORDS[state]) : "";
    if (el.textContent !== words) el.textContent = words;
  }
}
