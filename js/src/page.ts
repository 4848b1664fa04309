/** The document around the view: where it came from, loading it again, and whether it is about to go. */

const RELOADED = "live-reloaded";

export const isVisible = (): boolean => document.visibilityState !== "hidden";

/** The path of the socket of a view that is embedded in a foreign page, whose URL is not its own. */
export const embeddedAt = (root: Element): string | null => root.getAttribute("data-live-socket");

/** The socket's address. */
export function socketURL(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  return url.href;
}

/**
 * Loads the page again, unless that was done already and did not help: a page must never load itself in a circle.
 * Returns whether it does. Without a session storage there is no such memory, so it does not.
 */
export function reloadOnce(): boolean {
  try {
    if (sessionStorage.getItem(RELOADED) === location.pathname) return false;
    sessionStorage.setItem(RELOADED, location.pathname);
    if (sessionStorage.getItem(RELOADED) !== location.pathname) return false;
  } catch {
    return false;
  }
  location.reload();
  return true;
}

/** The page works: the next reload is a new story. */
export function reloadHelped(): void {
  try {
    sessionStorage.removeItem(RELOADED);
  } catch {
    // Then nothing was stored.
  }
}

/** Asks for the page's status without loading it. Rejects when no server answers. */
export async function head(): Promise<{ status: number; redirected: boolean }> {
  const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store", credentials: "same-origin" });
  return { status: answer.status, redirected: answer.type === "opaqueredirect" };
}

/** Milliseconds after which a page that wanted to go and is still here counts as staying (a download, a dismissed prompt). */
const STAYS = 3_000;

/**
 * Departure knows when the page is being left. Browsers close sockets then, and a status shown for that would flash by on
 * each navigation.
 */
export class Departure {
  readonly #guarded: () => boolean;
  readonly #left: () => void;
  readonly #stayed: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop: AbortController | null = null;
  leaving = false;

  /**
   * guarded says whether the browser shall ask first; left is called on pagehide, stayed when the page is shown again or has
   * not gone after all.
   */
  constructor(guarded: () => boolean, left: () => void, stayed: () => void) {
    this.#guarded = guarded;
    this.#left = left;
    this.#stayed = stayed;
  }

  start(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    addEventListener("beforeunload", (event) => (this.#leave(), this.#guarded() && event.preventDefault()), { signal });
    addEventListener("pagehide", () => (this.#leave(), clearTimeout(this.#timer), this.#left()), { signal });
    addEventListener("pageshow", () => this.leaving && this.#stay(), { signal });
  }

  stop(): void {
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }

  #leave(): void {
    this.leaving = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stay(), STAYS);
  }

  #stay(): void {
    this.leaving = false;
    clearTimeout(this.#timer);
    this.#stayed();
  }
}
