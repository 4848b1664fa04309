/**
 * Bringing the page to a whole new HTML of the view, when the server has no patch from what the page shows. It works on
 * the mirror: nodes of the server are matched, moved, changed and removed; nodes and attributes of anyone else stay.
 */
import type { ForeignValues } from "./foreign.ts";
import { type Mirror, isElement, isOpaque } from "./mirror.ts";
import { place, restoreTexts } from "./order.ts";
import type { Writer } from "./patch.ts";

/** How far ahead an unchanged sibling is looked for. */
const LOOKAHEAD = 4;

export class Morph {
  readonly #writer: Writer;
  readonly #foreign: ForeignValues;
  /** When the mirror may hold nodes that are not the server's, those that match nothing are left alone. */
  readonly #keep: boolean;

  constructor(writer: Writer, foreign: ForeignValues, keep: boolean) {
    this.#writer = writer;
    this.#foreign = foreign;
    this.#keep = keep;
  }

  /** Makes the children of base those of `next`, a mirror of parsed HTML whose unmatched nodes are used up. */
  children(base: Mirror, next: readonly Mirror[]): void {
    let from = match(base.k!, next);
    if (this.#keep) {
      const used = [...from].filter((i) => i >= 0).sort((a, b) => a - b);
      base.k = used.map((i) => base.k![i]!);
      from = from.map((i) => (i < 0 ? i : used.indexOf(i)));
    }
    const old = base.k!;
    const pairs = next.map((m, i) => ({ mine: from[i]! < 0 ? m : old[from[i]!]!, theirs: m }));
    if (old.length !== next.length || from.some((old, i) => old !== i)) {
      place(base, pairs.map((p) => p.mine), from);
      this.#writer.children(base.n as Element);
    }
    for (const { mine, theirs } of pairs) if (mine !== theirs) this.#node(base, mine, theirs);
  }

  #node(parent: Mirror, mine: Mirror, theirs: Mirror): void {
    if (isElement(mine.n)) {
      this.#attributes(mine.n, theirs.n as Element);
      if (!isOpaque(mine.n)) this.children(mine, theirs.k!);
    } else {
      const node = mine.n as CharacterData;
      const value = (theirs.n as CharacterData).data;
      if ((this.#foreign.base(node, "") ?? node.data) === value) return;
      restoreTexts(parent);
      this.#writer.text(node, value);
    }
  }

  #attributes(el: Element, next: Element): void {
    for (const { name, value } of next.attributes) {
      const base = this.#foreign.base(el, name);
      if ((base === undefined ? el.getAttribute(name) : base) !== value) this.#writer.attribute(el, name, value);
    }
    for (const { name } of [...el.attributes]) {
      if (!next.hasAttribute(name) && this.#foreign.base(el, name) !== null) this.#writer.attribute(el, name, null);
    }
  }
}

/**
 * Finds for each new sibling the old one it continues, or -1: by key, else the same position among those of its kind,
 * where equal siblings are preferred so that one inserted row does not rewrite all that follow.
 */
export function match(old: readonly Mirror[], next: readonly Mirror[]): number[] {
  const used = new Uint8Array(old.length);
  const keyed = new Map<string, number>();
  old.forEach((m, i) => {
    const key = keyOf(m);
    if (key) {
      keyed.set(key, i);
      used[i] = 1;
    }
  });
  const from = next.map((m) => {
    const key = keyOf(m);
    const i = key ? keyed.get(key) : undefined;
    if (i === undefined) return -1;
    keyed.delete(key!);
    return i;
  });

  const unkeyed = next.map((m) => !keyOf(m));
  let at = 0;
  next.forEach((m, i) => {
    if (!unkeyed[i]) return;
    for (let j = at, seen = 0; j < old.length && seen < LOOKAHEAD; j++) {
      if (used[j]) continue;
      seen++;
      if (!old[j]!.n.isEqualNode(m.n)) continue;
      from[i] = j;
      used[j] = 1;
      at = j + 1;
      return;
    }
  });
  // Between two equal siblings, the rest in their order.
  const high = new Int32Array(next.length + 1).fill(old.length);
  for (let i = next.length - 1; i >= 0; i--) high[i] = unkeyed[i] && from[i]! >= 0 ? from[i]! : high[i + 1]!;
  let low = 0;
  next.forEach((m, i) => {
    if (!unkeyed[i]) return;
    if (from[i]! >= 0) {
      low = from[i]! + 1;
      return;
    }
    for (let j = low; j < high[i]!; j++) {
      if (used[j] || kindOf(old[j]!) !== kindOf(m)) continue;
      from[i] = j;
      used[j] = 1;
      low = j + 1;
      return;
    }
  });
  return from;
}

const kindOf = ({ n }: Mirror): string => (isElement(n) ? `${n.namespaceURI} ${n.localName}` : String(n.nodeType));

function keyOf(m: Mirror): string | null {
  if (!isElement(m.n)) return null;
  const key = m.n.getAttribute("live-key") ?? m.n.getAttribute("data-key") ?? m.n.id;
  return key ? `${kindOf(m)} ${key}` : null;
}
