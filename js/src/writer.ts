/** How the server's values reach the DOM beside what the user and scripts did there. */
import { setAttribute } from "./attribute.ts";
import { type Edits, hasText, setText } from "./edits.ts";
import type { ForeignValues } from "./foreign.ts";
import type { Writer } from "./patch.ts";

const tokens = (list: string | null | undefined): string[] => (list ? list.split(/\s+/).filter(Boolean) : []);

export class DomWriter implements Writer {
  readonly #edits: Edits;
  readonly #foreign: ForeignValues;
  /** Selects whose options have changed. */
  readonly #selects = new Set<HTMLSelectElement>();
  /** What is to show what the server has rendered. */
  readonly #owners = new Set<Element>();

  constructor(edits: Edits, foreign: ForeignValues) {
    this.#edits = edits;
    this.#foreign = foreign;
  }

  attribute(el: Element, name: string, value: string | null): void {
    // Asked before the attribute changes: an untouched control shows its attribute.
    const control = this.#select(el) ?? el;
    const yields = this.#edits.yields(control, /^(value|selected)$/.test(name));
    const shown = name === "class" ? this.#withScripts(el, value) : value;
    this.#foreign.own(el, name, value, shown !== value);
    if (shown === null) {
      // A modal dialog that only lost its attribute would stay open, invisible, with the page inert behind it.
      if (name === "open" && el instanceof HTMLDialogElement && el.open) el.close();
      el.removeAttribute(name);
    } else {
      setAttribute(el, name, shown);
    }
    if (yields) this.#property(el, name, value);
    if (name === "live-overwrite") this.#owners.add(el);
  }

  text(node: CharacterData, value: string): void {
    const parent = node.parentNode;
    this.#select(parent);
    const yields = parent instanceof HTMLTextAreaElement && this.#edits.yields(parent, true);
    node.data = value;
    if (yields) setText(parent, parent.defaultValue);
  }

  children(el: Element): void {
    this.#select(el);
    // The text has changed already, so a textarea nobody edited looks edited; its stamp decides alone.
    if (el instanceof HTMLTextAreaElement && (!this.#edits.isEdited(el) || this.#edits.yields(el, true))) setText(el, el.defaultValue);
  }

  /** Everything of a frame is written: the changes to a view that was there, or a whole one of a fresh instance. */
  done(whole: boolean): void {
    this.#edits.catchUp();
    for (const select of this.#selects) this.#edits.choose(select);
    for (const owner of this.#owners) if (!whole) this.#edits.settle(owner);
    this.#selects.clear();
    this.#owners.clear();
  }

  /** The select that an option, or a group of options, belongs to. */
  #select(node: Node | null): HTMLSelectElement | null {
    const select = node instanceof Element ? node.closest("select") : null;
    if (select) this.#selects.add(select);
    return select;
  }

  /** The server's classes together with those that scripts have added. */
  #withScripts(el: Element, value: string | null): string | null {
    const base = this.#foreign.base(el, "class");
    if (base === undefined) return value;
    const server = new Set([...tokens(base), ...tokens(value)]);
    const added = tokens(el.getAttribute("class")).filter((token) => !server.has(token));
    return added.length > 0 ? [...tokens(value), ...added].join(" ") : value;
  }

  /** Some attributes are only where a control begins; what it shows is a property. */
  #property(el: Element, name: string, value: string | null): void {
    if (name === "value" && el instanceof HTMLInputElement && hasText(el)) setText(el, value ?? "");
    else if (name === "checked" && el instanceof HTMLInputElement) el.checked = value !== null;
    else if (name === "selected" && el instanceof HTMLOptionElement) el.selected = value !== null;
    else if (name === "muted" && el instanceof HTMLMediaElement) el.muted = value !== null;
  }
}
