/** Applying a patch to the mirror and through it to the DOM. The format is PROTOCOL.md's section "Patches". */
import type { Attrs, Item, Patch } from "./wire.ts";
import { parseInside } from "./fragment.ts";
import { type Mirror, hostOf, isElement, mirrorChildren } from "./mirror.ts";
import { place, restoreTexts } from "./order.ts";
import { Shape } from "./shape.ts";

/** The patch and the mirror do not fit: the caller asks for a resync. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

/** How single values reach the DOM, so that the rules for what the user did stand in one place (see writer.ts). */
export interface Writer {
  attribute(el: Element, name: string, value: string | null): void;
  text(node: CharacterData, value: string): void;
  /** Called after the children of el were added, removed or moved. */
  children(el: Element): void;
}

export interface Applied {
  /** How many terminals the patch had. */
  readonly ops: number;
  /** The shape hash of all inserted nodes. */
  readonly inserted: number;
}

export function applyPatch(root: Mirror, patch: Patch, writer: Writer): Applied {
  const run = new Run(writer);
  run.items(root, patch);
  return { ops: run.ops, inserted: run.shape.sum };
}

class Run {
  ops = 0;
  readonly shape = new Shape();
  readonly #writer: Writer;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  items(base: Mirror, patch: Patch): void {
    let node = base;
    let parent: Mirror | null = null;
    for (const item of patch) {
      if (typeof item === "number") {
        parent = node;
        node = childAt(node, item);
        continue;
      }
      if (!Array.isArray(item)) {
        this.ops++;
        if (typeof item === "string") this.#text(parent, node, item);
        else this.#attributes(node, item as Attrs);
      } else if (parent) {
        this.items(node, item);
      } else {
        this.ops++;
        this.#order(base, item);
      }
      node = base;
      parent = null;
    }
    if (parent) throw new PatchError("path without an end");
  }

  #text(parent: Mirror | null, m: Mirror, value: string): void {
    if (m.k) throw new PatchError("text for an element");
    if (parent && m.n.parentNode !== hostOf(parent.n as Element)) restoreTexts(parent);
    this.#writer.text(m.n as CharacterData, value);
  }

  #attributes(m: Mirror, attrs: Attrs): void {
    if (!isElement(m.n) || typeof attrs !== "object" || !attrs) throw new PatchError("attributes for a text");
    for (const name in attrs) this.#writer.attribute(m.n, name, attrs[name]!);
  }

  /** Everything is read and checked before the first node moves, so that a bad op leaves mirror and DOM in step. */
  #order(base: Mirror, list: readonly Item[]): void {
    if (!isElement(base.n)) throw new PatchError("children for a text");
    const old = base.k!;
    const next: Mirror[] = [];
    const from: number[] = [];
    const used = new Uint8Array(old.length);
    let last = -1;
    const keep = (i: number): void => {
      if (!(i >= 0 && i < old.length) || used[i]) throw new PatchError(`child ${i} of ${old.length} in an order`);
      used[i] = 1;
      next.push(old[i]!);
      from.push(i);
      last = i;
    };
    for (const entry of list) {
      if (typeof entry === "string") {
        for (const fresh of mirrorChildren(parseInside(base.n, entry))) {
          this.shape.add(fresh);
          next.push(fresh);
          from.push(-1);
        }
      } else if (typeof entry !== "number") {
        throw new PatchError("order of something else than children");
      } else if (entry >= 0) {
        keep(entry);
      } else {
        for (let n = -entry; n > 0; n--) keep(last + 1);
      }
    }
    place(base, next, from);
    this.#writer.children(base.n);
  }
}

function childAt(m: Mirror, index: number): Mirror {
  const child = m.k?.[index];
  if (!child) throw new PatchError(`no child ${index} in ${m.n.nodeName} with ${m.k?.length ?? "no"} children`);
  return child;
}
