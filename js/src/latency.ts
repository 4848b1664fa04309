/**
 * A slow network for trying an app out: each frame waits, on its way up and on its way down. The tab remembers it. It is no
 * part of the client, which knows nothing of it.
 */
import { placeFor } from "./notice.ts";

const KEY = "live-latency";
/** Milliseconds. With more, answers to pings would come too late. */
const MOST = 4_000;

/** One direction. A frame never overtakes another one, though the delay may change between them. */
class Lane {
  readonly #waiting: (() => void)[] = [];

  add(ms: number, deliver: () => void): void {
    if (ms === 0 && this.#waiting.length === 0) return deliver();
    this.#waiting.push(deliver);
    // Each timer delivers what is first by then.
    setTimeout(() => this.#waiting.shift()?.(), ms);
  }

  flush(): void {
    for (const deliver of this.#waiting.splice(0)) deliver();
  }
}

export class Latency {
  #ms = 0;
  readonly #up = new Lane();
  readonly #down = new Lane();
  #badge: HTMLElement | null = null;

  start(): void {
    try {
      this.#show(Number(sessionStorage.getItem(KEY)));
    } catch {
      // Without a session storage it ends with the page.
    }
    if (!document.body) document.addEventListener("DOMContentLoaded", () => this.#show(this.#ms), { once: true });
  }

  stop(): void {
    this.#show(0);
  }

  set(ms: number): void {
    this.#show(ms);
    try {
      sessionStorage.setItem(KEY, String(this.#ms));
    } catch {
      // See start.
    }
  }

  up(deliver: () => void): void {
    this.#up.add(this.#ms, deliver);
  }

  down(deliver: () => void): void {
    this.#down.add(this.#ms, deliver);
  }

  /** What is on its way up arrives, as the connection is being closed behind it. */
  flush(): void {
    this.#up.flush();
  }

  #show(ms: number): void {
    this.#ms = Math.min(MOST, Math.max(0, Math.round(ms) || 0));
    this.#badge?.remove();
    this.#badge = null;
    if (!this.#ms || !document.body) return;
    const off = document.createElement("button");
    off.type = "button";
    off.textContent = "Switch off";
    off.onclick = () => this.set(0);
    this.#badge = placeFor("data-live-latency", KEY, "status");
    this.#badge.replaceChildren(`Latency: ${this.#ms} ms each way `, off);
  }
}

/** A WebSocket whose frames wait. What is told of it late was there before: the end of a connection, too. */
export function slow(Base: typeof WebSocket, latency: Latency): typeof WebSocket {
  return class extends Base {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      // This listener is the first one, so it keeps events from all others until their time has come.
      let late: Event | undefined;
      const hold = (event: MessageEvent | CloseEvent): void => {
        if (event === late) return;
        event.stopImmediatePropagation();
        const copy = event instanceof CloseEvent ? new CloseEvent("close", event) : new MessageEvent("message", { data: event.data });
        latency.down(() => this.dispatchEvent((late = copy)));
      };
      this.addEventListener("message", hold);
      this.addEventListener("close", hold);
    }

    override send(data: Parameters<WebSocket["send"]>[0]): void {
      latency.up(() => this.readyState === Base.OPEN && super.send(data));
    }

    override close(code?: number, reason?: string): void {
      latency.flush();
      super.close(code, reason);
    }
  };
}
