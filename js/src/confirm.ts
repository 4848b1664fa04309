/**
 * Counts the frames that were applied and tells the server now and then, so that it need not keep them for a resume.
 * While the user is busy it waits: the answers matter more.
 */

/** Milliseconds without an event after which the count is sent. */
const QUIET = 1_000;
/** Milliseconds after which it is sent in any case. */
const LATEST = 5_000;

export class Confirm {
  readonly #send: (k: number) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deadline = 0;
  #waiting = false;
  #k = 0;

  constructor(send: (k: number) => void) {
    this.#send = send;
  }

  /** How many frames were applied. */
  get k(): number {
    return this.#k;
  }

  applied(): void {
    this.#k++;
    if (this.#waiting) return;
    this.#waiting = true;
    this.#deadline = Date.now() + LATEST;
    this.#wait();
  }

  /** An event was sent. */
  busy(): void {
    if (this.#waiting) this.#wait();
  }

  /** The connection was lost: the next join says the count. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
  }

  /** A fresh instance counts from 1 again. */
  restart(): void {
    this.stop();
    this.#k = 0;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#waiting = false;
        this.#send(this.#k);
      },
      Math.min(QUIET, Math.max(0, this.#deadline - Date.now())),
    );
  }
}
