/** The view in this page: its root element, the mirror, and what is done when the mirror and the server disagree. */
import type { ForeignValues } from "./foreign.ts";
import { parseInside } from "./fragment.ts";
import { type Mirror, mirrorChildren, mirrorOf } from "./mirror.ts";
import { Morph } from "./morph.ts";
import { type Writer, applyPatch } from "./patch.ts";
import { shapeOf } from "./shape.ts";
import type { Frame, Join } from "./wire.ts";

export type Remedy = "resync" | "html";

export class View {
  readonly root: Element;
  readonly #writer: Writer;
  readonly #foreign: ForeignValues;
  readonly #ask: (remedy: Remedy, reason: string) => void;
  #mirror: Mirror;
  /** Nothing was applied yet: what the page shows is what the server sent with it, and what others added. */
  #pristine = true;
  #keep = false;
  #asked: readonly [Remedy, string] | null = null;
  #failures = 0;

  constructor(root: Element, writer: Writer, foreign: ForeignValues, ask: (remedy: Remedy, reason: string) => void) {
    this.root = root;
    this.#writer = writer;
    this.#foreign = foreign;
    this.#ask = ask;
    this.#mirror = mirrorOf(root);
  }

  /** Applies a frame's patch or HTML. Returns the number of changes, or null when there was nothing to apply. */
  apply(frame: Frame): number | null {
    const { patch, extra } = frame;
    let ops: number | null = null;
    try {
      if (extra.html !== undefined) {
        this.#asked = null;
        ops = this.#morph(extra.html);
      } else if (this.#asked) {
        return null; // The HTML that was asked for has these changes in it.
      } else if (patch.length > 0) {
        const applied = this.#foreign.during(() => applyPatch(this.#mirror, patch, this.#writer));
        this.#pristine = false;
        ops = applied.ops;
        if (extra.i !== undefined && extra.i !== applied.inserted) throw new Error("shape differs");
      }
      // In HTML mode it is known that the shapes differ.
      if (extra.h !== undefined && this.#failures < 2 && extra.h !== shapeOf(this.#mirror.k!)) {
        this.#keep = this.#pristine;
        throw new Error("shape differs");
      }
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
    return ops;
  }

  /** A frame was lost to this view: whatever it changed is missing. */
  missed(reason: string): void {
    if (!this.#asked) this.#failed(reason);
  }

  /** After a join: a request that was not answered is made again, and a fresh instance is told of HTML mode. */
  joined(how: Join["how"]): void {
    if (how === "resume") {
      if (this.#asked) this.#ask(...this.#asked);
      return;
    }
    this.#asked = null;
    if (this.#failures >= 2) this.#request("html", "shape differs");
    else this.#failures = 0;
  }

  #failed(reason: string): void {
    this.#failures++;
    this.#request(this.#failures === 1 ? "resync" : "html", reason);
  }

  #request(remedy: Remedy, reason: string): void {
    this.#asked = [remedy, reason];
    this.#ask(remedy, reason);
  }

  #morph(html: string): number {
    const next = mirrorChildren(parseInside(this.root, html));
    this.#foreign.during(() => new Morph(this.#writer, this.#foreign, this.#keep).children(this.#mirror, next));
    this.#pristine = this.#keep = false;
    return 1;
  }
}
