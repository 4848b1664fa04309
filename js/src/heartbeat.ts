/** Notices a link that died without saying so: after a silence it asks for a frame, and then waits only a little. */

/** Milliseconds of silence after which a ping is sent. */
export const SILENCE = 30_000;
/** Milliseconds in which some frame must answer it. */
export const PATIENCE = 10_000;

export class Heartbeat {
  readonly #ping: () => void;
  readonly #dead: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = false;

  constructor(ping: () => void, dead: () => void) {
    this.#ping = ping;
    this.#dead = dead;
  }

  /** A frame arrived, or the connection has just been joined. */
  heard(): void {
    this.stop();
    this.#timer = setTimeout(() => this.ask(), SILENCE);
  }

  /** Does not wait for the silence: the tab was asleep, or the network changed. */
  ask(): void {
    if (this.#asked) return;
    this.expect(PATIENCE);
    this.#ping();
  }

  /** Some frame must come within so many milliseconds. */
  expect(patience: number): void {
    this.stop();
    this.#asked = true;
    this.#timer = setTimeout(this.#dead, patience);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked = false;
  }
}
