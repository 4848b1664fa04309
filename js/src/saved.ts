/** Shows whether what the page shows is stored: one class on the root. Views without stored fields have none. */
const STATES = ["saved", "saving", "unsaved", "unavailable"] as const;

export type SavedState = (typeof STATES)[number];

export class Saved {
  readonly #root: Element;
  #state: SavedState | undefined;

  constructor(root: Element) {
    this.#root = root;
  }

  /** Takes the state as the server counts it. Returns it when it is another than before. */
  set(save: number): SavedState | undefined {
    const state = STATES[save];
    if (state === this.#state) return undefined;
    this.#state = state;
    for (const each of STATES) this.#root.classList.toggle(`live-${each}`, each === state);
    return state;
  }

  stop(): void {
    this.set(-1);
  }
}
