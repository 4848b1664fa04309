/**
 * The page's URL: links that lead to other pages over the socket, the browser's back and forward, and what belongs to a
 * change of page: the history, scrolling, the focus, and telling those who do not see it.
 */
import { placeFor } from "./notice.ts";
import { Scroll } from "./scroll.ts";
import type { Extra, Join, Visit } from "./wire.ts";

export interface NavigationDelegate {
  /** Asks the server for another URL, and returns the number of that event; 0 when it has to be loaded. */
  visit(visit: Visit): number;
  /** Dispatches an event on the window; false when a listener has called it off. */
  announce(name: string, detail: unknown, cancelable?: boolean): boolean;
}

/** A change of URL that is under way. */
interface Going extends Visit {
  n: number;
  readonly direction: Direction;
}

type Direction = "forward" | "backward";

/** What this client leaves in a history entry. */
interface Entry {
  /** Names the mount that left it: entries of another one need another. */
  readonly page: string;
  /** Its place in the history. */
  readonly at: number;
}

/** The parts of a URL that the server knows. */
export const pathOf = ({ pathname, search }: URL | Location): string => pathname + search;

const entryOf = (): Entry | undefined => (history.state as { live?: Entry } | null)?.live;

const name = (): string => Math.random().toString(36).slice(2);

export class Navigation {
  readonly #delegate: NavigationDelegate;
  readonly #scroll = new Scroll();
  #stop: AbortController | null = null;
  /** The URL of what is shown, which the browser's differs from while the user goes back or forward. */
  #url = pathOf(location);
  #page = name();
  #at = 0;
  #visit = 0;
  #going: Going | null = null;
  /** A history step that only undoes another one. */
  #undoing = false;

  constructor(delegate: NavigationDelegate) {
    this.#delegate = delegate;
  }

  get url(): string {
    return this.#url;
  }

  start(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const last = this.#scroll.start();
    const entry = entryOf();
    this.#at = entry?.at ?? last + 1;
    this.#stamp();
    history.scrollRestoration = "manual";
    if (entry) this.#scroll.restore(this.#at);
    live("");
    document.addEventListener("click", (event) => this.#click(event), { signal });
    addEventListener("popstate", () => this.#popped(), { signal });
    addEventListener("pagehide", () => this.#scroll.keep(this.#at), { signal });
  }

  stop(): void {
    this.#stop?.abort();
    history.scrollRestoration = "auto";
  }

  /** Goes to another page: over the socket where that is possible. */
  go(href: string, replace = false): void {
    const url = new URL(href, document.baseURI);
    if (url.origin === location.origin) this.#go(url, replace ? "replace" : "push");
    else load(url.href);
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[live-link]") : null;
    if (!link || !/^(_self)?$/.test(link.getAttribute("target") ?? "") || link.hasAttribute("download")) return;
    const url = new URL(link.getAttribute("href") ?? "", document.baseURI);
    // Within a page, and to other sites, the browser knows the way.
    if (url.origin !== location.origin || (url.hash && pathOf(url) === pathOf(location))) return;
    event.preventDefault();
    this.#go(url, link.getAttribute("live-link") === "replace" ? "replace" : "push");
  }

  #popped(): void {
    const entry = entryOf();
    if (this.#undoing) {
      this.#undoing = false;
      return;
    }
    if (this.#going?.mode !== "pop") this.#scroll.save(this.#at); // else it is not shown yet
    if (!entry && pathOf(location) === this.#url) {
      // The user followed a link within the page; the browser has scrolled.
      this.#at++;
      return this.#stamp();
    }
    const from = this.#at;
    this.#at = entry?.at ?? from - 1; // a script has written over ours, so this is a guess
    const fresh = !!entry && entry.page !== this.#page;
    if (!this.#going && !fresh && pathOf(location) === this.#url) this.#arrive();
    else this.#go(location, "pop", fresh, entry && this.#at - from);
  }

  #go(url: URL | Location, mode: Visit["mode"], fresh = false, steps = 0): void {
    const direction = steps < 0 ? "backward" : "forward";
    const pop = mode === "pop";
    const to = pathOf(url) + url.hash;
    if (!pop && to === this.#going?.to) return; // a double click
    if (!this.#delegate.announce("before-navigate", { href: url.href, pop, direction }, true)) {
      if (!pop || !steps) return;
      this.#undoing = true;
      this.#at -= steps;
      return history.go(-steps);
    }
    // As browsers do: a link to where the user is makes no entry that going back would not leave.
    const visit: Visit = { to, mode: pop || url.href !== location.href ? mode : "replace", ...(fresh && { fresh }) };
    const n = this.#delegate.visit(visit);
    if (!n) return void load(url.href);
    if (!this.#going) this.#loading("start");
    this.#going = { ...visit, n, direction };
  }

  /** The connection is back with an instance that knows nothing of what was asked: it is asked once more. */
  again(): void {
    const going = this.#going;
    if (going) going.n = this.#delegate.visit({ to: going.to, mode: going.mode, ...(going.fresh && { fresh: true }) });
  }

  /** Brings the history to where the frame says the page is, before it is shown. Returns how to end it. */
  moved(urls: NonNullable<Extra["url"]>, join?: Join): (root: Element) => void {
    const fresh = join?.how === "navigate";
    let landed = (): void => {};
    for (const [to, asked, n] of urls) {
      const going = this.#going?.n === n && n ? this.#going : null;
      const url = new URL(to, location.href);
      // An answer that was lost is given again.
      const mode = fresh && join.visit === this.#visit ? "replace" : asked;
      if (fresh) {
        this.#page = name();
        this.#visit = join.visit!;
      }
      if (mode === "push") {
        this.#scroll.save(this.#at++);
        this.#stamp(url, "pushState");
      } else if (mode === "replace" || going) {
        this.#stamp(url);
      }
      this.#url = pathOf(url);
      if (going) this.#end();
      const pop = asked === "pop";
      this.#delegate.announce("navigate", { href: url.href, patch: !fresh, pop, direction: going?.direction ?? "forward" });
      landed = () => (pop || (!fresh && !url.hash) ? pop && this.#arrive() : this.#reveal(url.hash));
    }
    return (root) => {
      if (fresh) present(root);
      landed();
    };
  }

  /** The server has answered events up to ref. leaves: the browser is to load something. */
  answered(ref: number, leaves: boolean): void {
    const going = this.#going;
    if (!going || going.n > ref) return;
    if (going.mode === "pop" && !leaves) this.#stamp(this.#url); // it has stayed where it was
    this.#end();
  }

  #end(): void {
    this.#going = null;
    this.#loading("stop");
  }

  #loading(what: "start" | "stop"): void {
    document.documentElement.classList.toggle("live-loading", what === "start");
    this.#delegate.announce(`loading-${what}`, { kind: "navigation" });
  }

  #arrive(): void {
    if (!this.#scroll.restore(this.#at)) this.#reveal(location.hash);
  }

  #reveal(hash: string): void {
    let id = hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      // Then it is no percent sign's encoding.
    }
    const target = id && document.getElementById(id);
    if (target) target.scrollIntoView();
    else scrollTo({ left: 0, top: 0, behavior: "instant" });
  }

  #stamp(url?: URL | string, how: "pushState" | "replaceState" = "replaceState"): void {
    const others = how === "replaceState" && (history.state as object | null);
    try {
      history[how]({ ...others, live: this.#entry() }, "", url);
    } catch {
      // Browsers refuse too many in too short a time. The page goes on, at the URL it was at.
    }
  }

  #entry(): Entry {
    return { page: this.#page, at: this.#at };
  }
}

/** Loads a URL: one of a page. */
export function load(to: string): boolean {
  const url = new URL(to, location.href);
  if (!/^https?:$/.test(url.protocol)) return false;
  const here = url.href.split("#")[0] === location.href.split("#")[0];
  if (url.href !== location.href) location.assign(url);
  if (here && (url.hash || !location.hash)) location.reload(); // a hash loads nothing
  return true;
}

/** Takes those along who do not see that the page has changed: the focus moves into it, and its title is read out. */
function present(root: Element): void {
  const place = root.querySelector<HTMLElement>("[autofocus]") ?? root.querySelector<HTMLElement>("h1") ?? (root as HTMLElement);
  if (place.tabIndex < 0 && !place.hasAttribute("tabindex")) place.tabIndex = -1;
  place.focus({ preventScroll: true });
  live(document.title);
}

/** Says it to screen readers, in a region that must stand in the page before. */
function live(text: string): void {
  const el = placeFor("data-live-route", "live-route", "status");
  el.style.cssText = "position:fixed;width:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
  el.textContent = text;
}
