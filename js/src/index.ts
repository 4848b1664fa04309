/** The entry of the client. Importing it has no effect: the app calls connect(). */
import { isEventName } from "./binding.ts";
import { Session } from "./session.ts";
import type { Json } from "./wire.ts";

export type { Json } from "./wire.ts";

export interface Options {
  /** The view's root. Defaults to the first element with the attribute data-live. */
  readonly root?: Element;
  /** Told to the server at each join, where the view can read them: the time zone, the window's size. */
  readonly params?: { readonly [name: string]: string };
  /** Milliseconds of the shortest pause between attempts to reconnect. Defaults to 100. */
  readonly reconnectMin?: number;
  /** Milliseconds of the longest one. Defaults to 5,000. */
  readonly reconnectMax?: number;
  /** Milliseconds a connection must be lost in a visible tab before the user is told. Defaults to 2,000. */
  readonly statusDelay?: number;
  /** Whether a navigation is a view transition of the browser, which style sheets can animate. Defaults to false. */
  readonly transitions?: boolean;
}

export interface Live {
  /** Sends an event to the view, or, with an element inside of one, to the child around it. Resolves with the handler's reply, rejects when the event was refused or dropped. */
  push(name: string, payload?: Json, from?: Element): Promise<Json | undefined>;
  /** Calls fn for each event of this name that the server pushes. Returns a function that ends it. */
  on(name: string, fn: (detail: unknown) => void): () => void;
  /** Shows another page, over the socket where that is possible; replace: without a new history entry. */
  navigate(href: string, replace?: boolean): void;
  /** Closes the connection for good and takes all listeners off. */
  disconnect(): void;
}

/** Brings the page to life. A page without a view is left as it is; its push rejects. */
export function connect(options: Options = {}): Live {
  const root = options.root ?? document.querySelector("[data-live]");
  const session = root && new Session(root, options);
  const listening = new AbortController();
  session?.start();
  return {
    push(name, payload, from) {
      if (!session || listening.signal.aborted) return Promise.reject(new Error("no live view is connected"));
      if (!isEventName(name)) return Promise.reject(new Error(`no event name: ${JSON.stringify(name)}`));
      return session.push(name, payload, from);
    },
    on(name, fn) {
      const listener = (event: Event): void => fn((event as CustomEvent<unknown>).detail);
      addEventListener(`live:${name}`, listener, { signal: listening.signal });
      return () => removeEventListener(`live:${name}`, listener);
    },
    navigate(href, replace) {
      if (session && !listening.signal.aborted) session.navigate(href, replace);
      else location.assign(href);
    },
    disconnect() {
      listening.abort();
      session?.stop();
    },
  };
}

