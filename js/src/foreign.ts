/**
 * Attributes and texts that something else than the server wrote: a script's class, the open of a details element the
 * user opened, what was typed into contenteditable. The mirror does not hold the server's values, so without this a
 * resync could not tell them from what the server has taken back.
 */
export class ForeignValues {
  readonly #root: Element;
  readonly #observer: MutationObserver;
  /** For each attribute the value the server gave it last (null: none), which the page no longer shows; "": a text's. */
  readonly #bases = new WeakMap<Node, Map<string, string | null>>();
  #own = new Map<Node, Set<string>>();

  constructor(root: Element) {
    this.#root = root;
    this.#observer = new MutationObserver((records) => this.#read(records));
  }

  start(): void {
    this.#observer.observe(this.#root, { subtree: true, attributes: true, attributeOldValue: true, characterData: true, characterDataOldValue: true });
  }

  stop(): void {
    this.#observer.disconnect();
  }

  /** Encloses every patch: texts it writes, and attributes that `write` announces through own(), are the server's. */
  during<T>(write: () => T): T {
    this.#read(this.#observer.takeRecords());
    try {
      return write();
    } finally {
      this.#read(this.#observer.takeRecords(), true);
      this.#own = new Map();
    }
  }

  /** What the server had set before someone else wrote the attribute, or the text for ""; undefined when nobody did. */
  base(node: Node, name: string): string | null | undefined {
    return this.#bases.get(node)?.get(name);
  }

  /** Announces that the server's value is written now, and shown as it is or (`mixed`) together with a script's. */
  own(el: Element, name: string, value: string | null, mixed: boolean): void {
    const names = this.#own.get(el);
    if (names) names.add(name);
    else this.#own.set(el, new Set([name]));
    if (mixed) this.#set(el, name, value);
    else this.#bases.get(el)?.delete(name);
  }

  #set(node: Node, name: string, value: string | null): void {
    const bases = this.#bases.get(node);
    if (bases) bases.set(name, value);
    else this.#bases.set(node, new Map([[name, value]]));
  }

  #read(records: readonly MutationRecord[], patched = false): void {
    for (const { target, attributeName, oldValue } of records) {
      const name = attributeName ?? "";
      if (patched && !name) {
        this.#bases.delete(target);
        continue;
      }
      if (target === this.#root || this.#own.get(target)?.has(name)) continue;
      if (this.base(target, name) === undefined) this.#set(target, name, oldValue);
      const shown = name ? (target as Element).getAttribute(name) : (target as CharacterData).data;
      if (this.base(target, name) === shown) this.#bases.get(target)!.delete(name);
    }
  }
}
