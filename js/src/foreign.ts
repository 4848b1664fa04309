/**
 * Attributes that something else than the server wrote: a script's class, the open of a details element the user opened.
 * The mirror does not hold attributes, so without this a resync could not tell them from what the server has taken back.
 */
export class ForeignAttributes {
  readonly #root: Element;
  readonly #observer: MutationObserver;
  /** For each attribute the value the server gave it last (null: none), which the page no longer shows. */
  readonly #bases = new WeakMap<Element, Map<string, string | null>>();
  #own = new Map<Element, Set<string>>();

  constructor(root: Element) {
    this.#root = root;
    this.#observer = new MutationObserver((records) => this.#read(records));
  }

  start(): void {
    this.#observer.observe(this.#root, { subtree: true, attributes: true, attributeOldValue: true });
  }

  stop(): void {
    this.#observer.disconnect();
  }

  /** Encloses every patch: what `write` announces through own() is the server's, all else is not. */
  during<T>(write: () => T): T {
    this.#read(this.#observer.takeRecords());
    try {
      return write();
    } finally {
      this.#read(this.#observer.takeRecords());
      this.#own = new Map();
    }
  }

  /** What the server had set before someone else wrote the attribute; undefined when nobody did. */
  base(el: Element, name: string): string | null | undefined {
    return this.#bases.get(el)?.get(name);
  }

  /** Announces that the server's value is written now, and shown as it is or (`mixed`) together with a script's. */
  own(el: Element, name: string, value: string | null, mixed: boolean): void {
    const names = this.#own.get(el);
    if (names) names.add(name);
    else this.#own.set(el, new Set([name]));
    if (mixed) this.#set(el, name, value);
    else this.#bases.get(el)?.delete(name);
  }

  #set(el: Element, name: string, value: string | null): void {
    const bases = this.#bases.get(el);
    if (bases) bases.set(name, value);
    else this.#bases.set(el, new Map([[name, value]]));
  }

  #read(records: readonly MutationRecord[]): void {
    for (const record of records) {
      const el = record.target as Element;
      const name = record.attributeName!;
      if (el === this.#root || this.#own.get(el)?.has(name)) continue;
      if (this.base(el, name) === undefined) this.#set(el, name, record.oldValue);
      if (this.base(el, name) === el.getAttribute(name)) this.#bases.get(el)!.delete(name);
    }
  }
}
