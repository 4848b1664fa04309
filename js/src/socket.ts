/**
 * One connection after another to the same page: opening, noticing that it is lost, and coming back. What the frames
 * mean is the delegate's business.
 */
import { Backoff } from "./backoff.ts";
import { type Remedy, remedy, verdict } from "./closing.ts";
import { Heartbeat } from "./heartbeat.ts";
import { head, isVisible, reloadHelped, reloadOnce } from "./page.ts";
import { encode } from "./wire.ts";

export interface SocketDelegate {
  /** The first frame of a connection. */
  hello(): string;
  received(text: string): void;
  /** The connection was lost. It is being opened again, unless `final`. */
  lost(final: boolean): void;
  /** The events that wait cannot be sent. */
  refused(): void;
  /** The page is about to be left: loading it again would call that off. */
  leaving(): boolean;
}

export interface SocketOptions {
  /** Where to connect. */
  url(): string;
  /** Milliseconds between attempts to connect. */
  readonly reconnectMin: number;
  readonly reconnectMax: number;
}

/** Milliseconds for opening a connection and being answered. */
const OPENING = 15_000;
/** Milliseconds after which a connection counts as one that works. */
const STABLE = 5_000;
const PROVEN = 30_000;

export class Socket {
  readonly #delegate: SocketDelegate;
  readonly #options: SocketOptions;
  readonly #backoff: Backoff;
  readonly #heartbeat = new Heartbeat(
    () => this.send(encode({ kind: "ping" })),
    () => this.#close(),
  );
  #socket: WebSocket | null = null;
  #joined = false;
  /** Running between start and stop: connected, or trying to be. */
  #wanted = false;
  #asking = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stable: ReturnType<typeof setTimeout> | undefined;
  #proven: ReturnType<typeof setTimeout> | undefined;
  #listening: AbortController | null = null;

  constructor(delegate: SocketDelegate, options: SocketOptions) {
    this.#delegate = delegate;
    this.#options = options;
    this.#backoff = new Backoff(options.reconnectMin, options.reconnectMax);
  }

  /** Whether a connection stands or is being opened again. */
  get wanted(): boolean {
    return this.#wanted;
  }

  get joined(): boolean {
    return this.#joined;
  }

  start(): void {
    this.#wanted = true;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const back = (): void => this.back();
    document.addEventListener("visibilitychange", back, { signal });
    addEventListener("pageshow", back, { signal });
    addEventListener("online", back, { signal });
    this.#open();
  }

  stop(): void {
    this.#wanted = false;
    this.#listening?.abort();
    this.#close(1000);
  }

  /** The user or the network has come back: now is better than at the end of a pause. */
  back(): void {
    if (!this.#wanted || !isVisible()) return;
    if (this.#joined) this.#heartbeat.ask();
    else if (!this.#socket) this.#open();
  }

  /** Closes for now, as the page is put away; back() opens again. */
  rest(): void {
    this.#close(1000);
    clearTimeout(this.#retry);
  }

  send(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** The server has answered the join. */
  welcome(): void {
    this.#joined = true;
    this.#stable = setTimeout(() => this.#backoff.reset(), STABLE);
    this.#proven = setTimeout(reloadHelped, PROVEN);
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (!this.#wanted || this.#socket || this.#asking) return;
    let opened = false;
    const socket = new WebSocket(this.#options.url());
    this.#socket = socket;
    this.#heartbeat.expect(OPENING);
    socket.onopen = () => {
      opened = true;
      this.send(this.#delegate.hello());
    };
    socket.onmessage = ({ data }) => {
      this.#delegate.received(String(data));
      // Before the join is answered the deadline of the opening stands.
      if (this.#joined) this.#heartbeat.heard();
    };
    socket.onclose = ({ code }) => this.#closed(remedy(code, opened));
  }

  /** Gives the connection up without waiting for the other side, which may be gone. */
  #close(code?: number): void {
    const socket = this.#socket;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close(code);
    this.#closed("retry");
  }

  #closed(next: Remedy): void {
    this.#socket = null;
    this.#joined = false;
    this.#heartbeat.stop();
    clearTimeout(this.#stable);
    clearTimeout(this.#proven);
    if (next === "drop") this.#delegate.refused();
    // Should the page stay after all, back() comes, and the answer again.
    if (next === "reload" && this.#delegate.leaving()) return this.#delegate.lost(false);
    if (next === "stop" || (next === "reload" && !reloadOnce())) this.#wanted = false;
    this.#delegate.lost(!this.#wanted);
    if (!this.#wanted || next === "reload") return;
    if (next === "ask") void this.#ask();
    else this.#later(next === "pause" ? this.#backoff.pause() : this.#backoff.next());
  }

  #later(wait: number): void {
    this.#retry = setTimeout(() => {
      // A hidden tab waits until it is looked at.
      if (isVisible()) this.#open();
    }, wait);
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    let next: "reload" | "retry" = "retry";
    try {
      const { status, redirected } = await head();
      next = verdict(status, redirected);
    } catch {
      // No server answers at all.
    }
    this.#asking = false;
    if (!this.#wanted) return;
    if (next === "reload" && !this.#delegate.leaving() && reloadOnce()) return;
    this.#later(this.#backoff.next());
  }
}
