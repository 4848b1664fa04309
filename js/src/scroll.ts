/** Where the page is scrolled, by history entry: the window, and each element with an id that is scrolled itself. */

type Position = readonly [id: string, left: number, top: number];

const KEY = "live-scroll";
/** More entries than these are forgotten, the oldest first. */
const LIMIT = 50;

export class Scroll {
  /** By the entry's place in the history; the window has no id. */
  #saved = new Map<number, readonly Position[]>();

  /** Reads what the tab's documents before this one have kept. Returns the place of the entry they were left at. */
  start(): number {
    try {
      const [at, saved] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as [number?, [number, Position[]][]?];
      this.#saved = new Map(saved);
      return at ?? 0;
    } catch {
      return 0; // no session storage, or not ours
    }
  }

  /** Keeps everything for the tab's next document. */
  keep(at: number): void {
    this.save(at);
    try {
      sessionStorage.setItem(KEY, JSON.stringify([at, [...this.#saved].slice(-LIMIT)]));
    } catch {
      // Then it is forgotten.
    }
  }

  save(at: number): void {
    const positions: Position[] = [["", scrollX, scrollY]];
    for (const { id, scrollLeft, scrollTop } of document.querySelectorAll("[id]")) {
      if (id && (scrollLeft || scrollTop)) positions.push([id, scrollLeft, scrollTop]);
    }
    this.#saved.delete(at); // a Map keeps its order
    this.#saved.set(at, positions);
  }

  /** Scrolls to where the entry was left; false when nothing is known of it. */
  restore(at: number): boolean {
    const positions = this.#saved.get(at);
    for (const [id, left, top] of positions ?? []) (id ? document.getElementById(id) : window)?.scrollTo({ left, top, behavior: "instant" });
    return !!positions;
  }
}
