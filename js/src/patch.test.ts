// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import { Edits } from "./edits.ts";
import { ForeignValues } from "./foreign.ts";
import { type Mirror, mirrorOf } from "./mirror.ts";
import { PatchError, applyPatch } from "./patch.ts";
import { shapeOf } from "./shape.ts";
import type { Patch } from "./wire.ts";
import { DomWriter } from "./writer.ts";

let root: HTMLElement;
let mirror: Mirror;
let edits: Edits;
let foreign: ForeignValues;
let newest = 0;

function show(html: string): void {
  document.body.innerHTML = `<div>${html}</div>`;
  root = document.body.firstElementChild as HTMLElement;
  newest = 0;
  edits = new Edits(() => newest);
  foreign = new ForeignValues(root);
  foreign.start();
  mirror = mirrorOf(root);
}

function apply(...patch: Patch) {
  return foreign.during(() => applyPatch(mirror, patch, new DomWriter(edits, foreign)));
}

const element = <T extends Element>(selector: string): T => root.querySelector<T>(selector)!;

describe("terminals", () => {
  test.each<[name: string, before: string, patch: Patch, after: string]>([
    ["text", "<p>a <b>1</b></p>", [0, 1, 0, "2"], "<p>a <b>2</b></p>"],
    ["comment", "<!--a--><p></p>", [0, "b"], "<!--b--><p></p>"],
    ["text is not markup", "<p>a</p>", [0, 0, "<b>&amp;"], "<p>&lt;b&gt;&amp;amp;</p>"],
    ["attributes set and removed", '<p a="1" b="2"></p>', [0, { a: "3", b: null, c: "" }], '<p a="3" c=""></p>'],
    ["odd attribute names", "<p></p>", [0, { "@click": "go", ":key": "k", "data-ü": "é" }], '<p @click="go" :key="k" data-ü="é"></p>'],
    ["nested items", "<ul><li>a</li><li>b</li></ul>", [0, [0, 0, "A", 1, 0, "B", { class: "x" }]], '<ul class="x"><li>A</li><li>B</li></ul>'],
    ["an order comes first", "<i>a</i><b>b</b>", [[1, 0], 0, 0, "B"], "<b>B</b><i>a</i>"],
    ["runs", "<i>0</i><i>1</i><i>2</i><i>3</i>", [[3, "<b>new</b>", 0, -2]], "<i>3</i><b>new</b><i>0</i><i>1</i><i>2</i>"],
    ["a run from the start", "<i>0</i><i>1</i><i>2</i>", [[-2, "<b></b>"]], "<i>0</i><i>1</i><b></b>"],
    ["nothing left", "<i>0</i>text", [[]], ""],
    ["template content", "<template><i>a</i></template>", [0, [[0, "<b>b</b>"], 0, 0, "A"]], "<template><i>A</i><b>b</b></template>"],
    ["rows", "<table><tbody><tr><td>1</td></tr></tbody></table>", [0, 0, [["<tr><td>0</td></tr>", 0]]], "<table><tbody><tr><td>0</td></tr><tr><td>1</td></tr></tbody></table>"],
    ["cells", "<table><tbody><tr><td>1</td></tr></tbody></table>", [0, 0, 0, [[0, "<td>2</td>"]]], "<table><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"],
    ["options", "<select><option>a</option></select>", [0, [[0, "<option>b</option>"]]], "<select><option>a</option><option>b</option></select>"],
  ])("%s", (_, before, patch, after) => {
    show(before);
    apply(...patch);
    expect(root.innerHTML).toBe(after);
    const fresh = document.createElement("div");
    fresh.innerHTML = after;
    expect(root.isEqualNode(cloneOf(root, fresh))).toBe(true);
    expect(shapeOf(mirror.k!)).toBe(shapeOf(mirrorOf(fresh).k!));
  });

  test("SVG children keep their namespace and spelling", () => {
    show('<svg viewBox="0 0 1 1"><g></g></svg>');
    apply(0, { viewBox: "0 0 2 2", "xlink:href": "#a" }, 0, [[0, '<linearGradient id="a"/><a xlink:href="#x"/>']]);
    const gradient = root.querySelector("#a")!;
    expect([gradient.namespaceURI, gradient.localName]).toEqual(["http://www.w3.org/2000/svg", "linearGradient"]);
    expect(root.querySelector("a")!.getAttributeNS("http://www.w3.org/1999/xlink", "href")).toBe("#x");
    expect(element("svg").getAttributeNS("http://www.w3.org/1999/xlink", "href")).toBe("#a");
    expect(element("svg").getAttribute("viewBox")).toBe("0 0 2 2");
  });

  test("counts the operations and hashes what it inserted", () => {
    show("<p>a</p>");
    const applied = apply([0, "<b>x</b>", "<!--c-->"], 0, 0, "b");
    const inserted = document.createElement("div");
    inserted.innerHTML = "<b>x</b><!--c-->";
    expect(applied).toEqual({ ops: 2, inserted: shapeOf(mirrorOf(inserted).k!) });
  });
});

function cloneOf(shown: Element, fresh: Element): Element {
  const el = shown.cloneNode(false) as Element;
  el.append(...[...fresh.childNodes].map((n) => n.cloneNode(true)));
  return el;
}

describe("what does not fit", () => {
  test.each<[name: string, patch: Patch]>([
    ["an index too far", [7, "x"]],
    ["a child of a text", [0, 0, 0, "x"]],
    ["text for an element", [0, "x"]],
    ["attributes for a text", [0, 0, { a: "b" }]],
    ["a child twice", [0, [[0, 0]]]],
    ["a run too long", [0, [[-2]]]],
    ["a path without an end", [0]],
    ["null", [0, null as never]],
  ])("%s is refused, and nothing has moved", (_, patch) => {
    show("<p>a</p>");
    expect(() => apply(...patch)).toThrow(PatchError);
    expect(root.innerHTML).toBe("<p>a</p>");
  });
});

describe("beside others", () => {
  test("nodes that are not the server's shift no index and stay", () => {
    show("<ul><li>a</li><li>b</li></ul>");
    const ul = element("ul");
    ul.prepend(document.createElement("aside"));
    ul.children[1]!.before("foreign text");
    ul.append(document.createElement("nav"));
    apply(0, [[1, "<li>c</li>", 0]], 0, 0, 0, "B");
    expect([...ul.querySelectorAll("li")].map((li) => li.textContent)).toEqual(["B", "c", "a"]);
    expect(ul.querySelectorAll("aside, nav").length).toBe(2);
    expect(ul.textContent).toContain("foreign text");
  });

  test("a text that a translator replaced comes back when it changes", () => {
    show("<p>Hello <b>you</b> there</p>");
    const p = element("p");
    const font = document.createElement("font");
    font.textContent = "Hallo ";
    p.replaceChild(font, p.firstChild!);
    apply(0, 0, "Goodbye ");
    expect(root.innerHTML).toBe("<p>Goodbye <b>you</b> there</p>");
  });

  test("a node that a script took elsewhere is no landmark", () => {
    show("<i>a</i><b>b</b>");
    document.body.append(element("b"));
    apply([0, "<u>new</u>", 1]);
    expect(root.innerHTML).toBe("<i>a</i><u>new</u>");
  });

  test("classes of scripts survive those of the server", () => {
    show('<p class="row"></p>');
    const p = element("p");
    p.classList.add("dragging");
    apply(0, { class: "row hot" });
    expect(p.className).toBe("row hot dragging");
    apply(0, { class: "row" });
    expect(p.className).toBe("row dragging");
    p.classList.remove("dragging");
    apply(0, { class: null });
    expect(p.hasAttribute("class")).toBe(false);
  });
});

describe("controls", () => {
  function type(value: string): HTMLInputElement {
    const input = element<HTMLInputElement>("input");
    input.value = value;
    edits.edited(input);
    return input;
  }

  beforeEach(() => show('<input value="a">'));

  test("an untouched control follows the server", () => {
    apply(0, { value: "b" });
    expect(element<HTMLInputElement>("input").value).toBe("b");
  });

  test("an older answer never rolls back newer typing", () => {
    newest = 1; // event 1 was sent before the edit
    const input = type("typed");
    edits.frame(1);
    apply(0, { value: "older" });
    expect([input.value, input.defaultValue]).toEqual(["typed", "older"]);
    edits.frame(2);
    apply(0, { value: "newer" });
    expect(input.value).toBe("newer");
  });

  test("a box whose click is the event follows what others do to it", () => {
    show('<input type="checkbox" live-click="Toggle">');
    const box = element<HTMLInputElement>("input");
    edits.start();
    const sent = (): void => void newest++; // as the click's binding does, before the box is ticked
    document.addEventListener("click", sent);
    box.click();
    document.removeEventListener("click", sent);
    edits.stop();
    apply(0, { checked: "" }); // before the answer
    apply(0, { checked: null });
    expect(box.checked).toBe(true);
    edits.frame(1);
    apply(0, { checked: "" });
    apply(0, { checked: null });
    expect(box.checked).toBe(false);
  });

  test("a focused text that was typed waits until it is left", () => {
    const input = type("typed");
    input.focus();
    edits.frame(1);
    apply(0, { value: "Typed", title: "t" });
    edits.catchUp();
    expect(input.value).toBe("typed");
    input.blur();
    edits.catchUp();
    expect(input.value).toBe("Typed");
  });

  test("another attribute of it says nothing of its text", () => {
    const input = type("typed");
    input.focus();
    edits.frame(1);
    apply(0, { title: "t" });
    input.blur();
    edits.catchUp();
    expect(input.value).toBe("typed");
  });

  test("what was typed before the client ran stays", () => {
    element<HTMLInputElement>("input").value = "early";
    apply(0, { value: "b" });
    expect(element<HTMLInputElement>("input").value).toBe("early");
  });

  test("after a submit is answered, what was not edited since follows the server", () => {
    show('<form><input name="text"><input type="checkbox" checked><select><option>a<option>b</select><textarea>t</textarea></form>');
    const form = element<HTMLFormElement>("form");
    const [text, box, select, area] = [...form.elements] as [HTMLInputElement, HTMLInputElement, HTMLSelectElement, HTMLTextAreaElement];
    text.value = "sent";
    box.checked = false;
    select.value = "b";
    area.value = "edited";
    for (const el of form.elements) edits.edited(el);
    newest = 1; // the submit
    area.value = "edited again";
    edits.edited(area);
    edits.frame(1);
    edits.settle(form, 1);
    expect([text.value, box.checked, select.value, area.value]).toEqual(["", true, "a", "edited again"]);
  });

  test.each<[name: string, html: string, patch: Patch, shown: () => unknown, want: unknown]>([
    ["checked", '<input type="checkbox">', [0, { checked: "" }], () => element<HTMLInputElement>("input").checked, true],
    ["selected", "<select><option>a<option>b</select>", [0, 1, { selected: "" }], () => element<HTMLSelectElement>("select").value, "b"],
    ["a textarea's text", "<textarea>a</textarea>", [0, 0, "b"], () => element<HTMLTextAreaElement>("textarea").value, "b"],
    ["a textarea's first text", "<textarea></textarea>", [0, [["a &lt; b"]]], () => element<HTMLTextAreaElement>("textarea").value, "a < b"],
  ])("%s is set with its attribute", (_, html, patch, shown, want) => {
    show(html);
    apply(...patch);
    expect(shown()).toBe(want);
  });
});
