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
    for (let i = 0; i < name.length; i++) {
      let c = name.charCodeAt(i);
      // Only ASCII letters are folded, as the HTML parser does; foreign elements keep capitals (linearGradient).
      if (c >= 65 && c <= 90) c += 32;
      if (c > 127) {
        for (const b of new TextEncoder().encode(name.slice(i))) this.#byte(b >= 65 && b <= 90 ? b + 32 : b);
        return;
      }
      this.#byte(c);
    }
  }
}
