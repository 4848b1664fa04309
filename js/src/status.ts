/** Shows how the connection is: one class on the root for styles, and words for the user once it matters. */
import { placeFor } from "./notice.ts";
import { isVisible } from "./page.ts";

export type State = "connecting" | "connected" | "disconnected" | "error";

const STATES: readonly State[] = ["connecting", "connected", "disconnected", "error"];

/** The layout's status element may say it in its own words: data-disconnected="…" data-error="…". */
const WORDS: Partial<Record<State, string>> = {
  disconnected: "Connection lost. Trying to reconnect…",
  error: "This page is no longer connected. Reload it to go on.",
};

export class Status {
  #root: Element;
  readonly #delay: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: AbortController | null = null;
  #state: State | null = null;

  /** delay: milliseconds a connection must be lost, before the user's eyes, until anything is said. */
  constructor(root: Element, delay: number) {
    this.#root = root;
    this.#delay = delay;
  }

  get state(): State | null {
    return this.#state;
  }

  start(): void {
    this.#stop = new AbortController();
    document.addEventListener("visibilitychange", () => this.#tell(), { signal: this.#stop.signal });
    this.set("connecting");
  }

  /** Returns whether the state is another than before. */
  set(state: State): boolean {
    if (this.#state === state) return false;
    this.#state = state;
    this.move(this.#root);
    this.#tell();
    return true;
  }

  /** Another element is the view's root. */
  move(root: Element): void {
    this.#root = root;
    for (const each of STATES) root.classList.toggle(`live-${each}`, each === this.#state);
  }

  stop(): void {
    this.#stop?.abort();
    clearTimeout(this.#timer);
    this.#say("connected");
    this.#root.classList.remove(...STATES.map((each) => `live-${each}`));
    this.#state = null;
  }

  #tell(): void {
    clearTimeout(this.#timer);
    const state = this.#state!;
    if (WORDS[state] && isVisible()) this.#timer = setTimeout(() => this.#say(state), this.#delay);
    // A hidden tab does not even try to connect: what it said would be the first thing seen of it, and be wrong at once.
    else if (state !== "error") this.#say("connected");
  }

  #say(state: State): void {
    const el = placeFor("data-live-status", "live-status", "status");
    const words = WORDS[state] ? (el.dataset[state] ?? WORDS[state]) : "";
    if (el.textContent !== words) el.textContent = words;
  }
}
