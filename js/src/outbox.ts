/**
 * The events that were made and not answered yet, with their numbers. It touches no socket: the session asks what to send.
 * S is whatever the caller wants back with the answer.
 */
import type { Payload } from "./wire.ts";

export interface Entry<S> {
  readonly n: number;
  readonly name: string;
  readonly payload: Payload | undefined;
  readonly source: S;
}

/** More than this many unanswered events are refused: something is wrong, or the user was away from any network. */
export const MAX_WAITING = 256;

export class Outbox<S> {
  #queue: Entry<S>[] = [];
  #newest = 0;
  #sent = 0;

  /** The number of the newest event made. */
  get newest(): number {
    return this.#newest;
  }

  /** The number of the newest event handed out for sending. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Numbers an event, or returns null when too many wait. An unsent event at the end of the queue for which `replaces`
   * says so gives its number to the new one: of what is typed offline only the last state matters.
   */
  add(name: string, payload: Payload | undefined, source: S, replaces?: (earlier: Entry<S>) => boolean): Entry<S> | null {
    const last = this.#queue.at(-1);
    if (last && last.n > this.#sent && replaces?.(last)) {
      const entry = { n: last.n, name, payload, source };
      this.#queue[this.#queue.length - 1] = entry;
      return entry;
    }
    if (this.#queue.length >= MAX_WAITING) return null;
    const entry = { n: ++this.#newest, name, payload, source };
    this.#queue.push(entry);
    return entry;
  }

  some(test: (entry: Entry<S>) => boolean): boolean {
    return this.#queue.some(test);
  }

  /** Hands out the events that were not sent on this connection. */
  take(): Entry<S>[] {
    const unsent = this.#queue.filter((entry) => entry.n > this.#sent);
    this.#sent = this.#newest;
    return unsent;
  }

  /** The server has answered the events up to ref. Returns them in their order. */
  answered(ref: number): Entry<S>[] {
    const done = this.#queue.filter((entry) => entry.n <= ref);
    this.#queue = this.#queue.slice(done.length);
    return done;
  }

  /** The server has received the events up to n: later ones are sent again. */
  resumed(n: number): void {
    this.#sent = n;
    if (this.#queue.length === 0) this.#newest = n;
  }

  /**
   * A fresh instance answers, and no event may reach two instances: those that were sent are dropped, and with them all
   * others unless none was ever sent. Returns what was dropped.
   */
  mounted(): Entry<S>[] {
    return this.#sent === 0 ? [] : this.drop();
  }

  /** Drops all events that wait. Numbers go on after the newest one sent. */
  drop(): Entry<S>[] {
    const dropped = this.#queue;
    this.#queue = [];
    this.#newest = this.#sent;
    return dropped;
  }
}
