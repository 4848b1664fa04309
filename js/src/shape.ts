/**
 * The shape hash: what kinds of nodes stand where, without their attributes and values. Server and browser compare it to
 * notice that the HTML parser built another tree than the server's tokeniser did (an implied tbody, a div inside a p).
 * 32-bit FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/.
 */
import { type Mirror, isElement } from "./mirror.ts";

const OFFSET = 2166136261;
const PRIME = 16777619;

const OPEN = 1;
const CLOSE = 2;
const TEXT = 3;
const COMMENT = 4;

/** The names that were met, as bytes: a page has few. */
const encoded = new Map<string, Uint8Array>();

export function shapeOf(nodes: readonly Mirror[]): number {
  const shape = new Shape();
  for (const m of nodes) shape.add(m);
  return shape.sum;
}

/** Shape adds up nodes one after the other, as the hash of a frame's inserted nodes needs it. */
export class Shape {
  #hash = OFFSET | 0;

  get sum(): number {
    return this.#hash >>> 0;
  }

  add(m: Mirror): void {
    const node = m.n;
    if (!isElement(node)) {
      this.#byte(node.nodeType === 8 ? COMMENT : TEXT);
      return;
    }
    this.#name(node.localName);
    this.#byte(OPEN);
    for (const child of m.k!) this.add(child);
    this.#byte(CLOSE);
  }

  #byte(b: number): void {
    this.#hash = Math.imul(this.#hash ^ b, PRIME);
  }

  #name(name: string): void {
    let bytes = encoded.get(name);
    // Only ASCII letters are folded, as the HTML parser does; foreign elements keep capitals (linearGradient).
    if (!bytes) encoded.set(name, (bytes = new TextEncoder().encode(name.replace(/[A-Z]/g, (c) => c.toLowerCase()))));
    for (const b of bytes) this.#byte(b);
  }
}
