// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { Edits } from "./edits.ts";
import { ForeignValues } from "./foreign.ts";
import { mirrorOf } from "./mirror.ts";
import { match } from "./morph.ts";
import { shapeOf } from "./shape.ts";
import { type Remedy, View } from "./view.ts";
import type { Extra, Patch } from "./wire.ts";
import { DomWriter } from "./writer.ts";

function show(html: string) {
  document.body.innerHTML = `<div>${html}</div>`;
  const root = document.body.firstElementChild as HTMLElement;
  const edits = new Edits(() => 0);
  const foreign = new ForeignValues(root);
  foreign.start();
  const asked: [Remedy, string][] = [];
  const view = new View(root, new DomWriter(edits, foreign), foreign, (...request) => asked.push(request));
  const apply = (patch: Patch, extra: Extra = {}): number | null => {
    edits.frame(0);
    return view.apply({ kind: "frame", ref: 0, patch, extra });
  };
  return { root, edits, view, asked, apply, html: (next: string) => apply([], { html: next }) };
}

const shape = (html: string): number => {
  const el = document.createElement("div");
  el.innerHTML = html;
  return shapeOf(mirrorOf(el).k!);
};

describe("whole HTML", () => {
  test.each([
    ["<p>a</p>", "<p>b</p>"],
    ["<p>a</p>", '<h1 id="x">a</h1><p class="y">b</p><!--c-->'],
    ["<ul><li>a</li><li>b</li></ul>", "<ul><li>new</li><li>a</li><li>b</li></ul>"],
    ['<i live-key="1">1</i><i live-key="2">2</i>', '<i live-key="2">two</i><i live-key="3">3</i><i live-key="1">1</i>'],
    ["<table><tbody><tr><td>1</td></tr></tbody></table>", "<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></tbody></table>"],
    ["<svg><g></g></svg>", '<svg viewBox="0 0 1 1"><g id="a"></g><path d="M0 0"></path></svg>'],
    ["<template><p>a</p></template>", "<template><p>b</p><p>c</p></template>"],
    ["text", ""],
  ])("%s becomes %s", (before, after) => {
    const { root, html, apply, asked } = show(before);
    html(after);
    expect(root.innerHTML).toBe(after);
    apply([], { h: shape(after) });
    expect(asked).toEqual([]);
  });

  test("keyed and unchanged nodes keep their identity", () => {
    const { root, html } = show('<ul><li live-key="a">a</li><li live-key="b">b</li></ul><p>one</p><p>two</p>');
    const [a, b] = root.querySelectorAll("li");
    const [, two] = root.querySelectorAll("p");
    html('<ul><li live-key="b">b</li><li live-key="a">A</li></ul><p>new</p><p>one</p><p>two</p>');
    expect([...root.querySelectorAll("li")]).toEqual([b, a]);
    expect(root.querySelectorAll("p")[2]).toBe(two);
  });

  test("keeps what the user and scripts did", () => {
    const { root, edits, html } = show('<details><summary>s</summary></details><input value="a"><p class="row">x</p>');
    const [details, input, p] = [root.querySelector("details")!, root.querySelector("input")!, root.querySelector("p")!];
    details.open = true;
    input.value = "typed";
    edits.edited(input);
    p.classList.add("mine");
    p.dataset.mine = "1";
    root.prepend(document.createElement("aside"));
    html('<details><summary>s</summary></details><input value="b"><p class="row hot">y</p>');
    expect(details.open).toBe(true);
    expect([input.value, input.defaultValue]).toEqual(["typed", "b"]);
    expect([p.className, p.dataset.mine, p.textContent]).toEqual(["row hot mine", "1", "y"]);
    expect(root.firstElementChild!.localName).toBe("aside");
  });

  test("keeps an edited text until the server's own changes", () => {
    const page = (a: string, b: string) => `<p id="edited" contenteditable>${a}</p><p id="replaced" contenteditable>${a}</p><i>${b}</i>`;
    const { root, html, apply } = show(page("server", "1"));
    const [edited, replaced] = [...root.querySelectorAll("p")];
    (edited!.firstChild as Text).data = "mine";
    // Chromium empties and drops the text it replaces.
    (replaced!.firstChild as Text).data = "";
    replaced!.replaceChildren("mine");
    html(page("server", "2"));
    expect([...root.children].map((el) => el.textContent)).toEqual(["mine", "mine", "2"]);
    html(page("new", "3"));
    expect([...root.children].map((el) => el.textContent)).toEqual(["new", "new", "3"]);
    (edited!.firstChild as Text).data = "mine again";
    apply([0, 0, "newer"]);
    html(page("new", "4"));
    expect(edited!.textContent).toBe("new");
  });

  test("takes back what the server had set", () => {
    const { root, html } = show('<details open></details><p title="x" hidden>a</p>');
    html("<details></details><p>a</p>");
    expect(root.innerHTML).toBe("<details></details><p>a</p>");
  });
});

describe("disagreement", () => {
  test("a bad patch asks for the HTML once, and patches wait for it", () => {
    const { root, asked, apply, html } = show("<p>a</p>");
    apply([9, "x"]);
    apply([0, 0, "ignored"]);
    expect(asked).toEqual([["resync", expect.stringContaining("no child 9")]]);
    expect(root.textContent).toBe("a");
    html("<p>b</p>");
    apply([0, 0, "c"]);
    expect(root.innerHTML).toBe("<p>c</p>");
  });

  test("the second time asks for HTML from now on", () => {
    const { asked, apply, html } = show("<p>a</p>");
    apply([9, "x"]);
    html("<p>a</p>");
    apply([9, "x"]);
    expect(asked.map(([remedy]) => remedy)).toEqual(["resync", "html"]);
  });

  test("an unanswered request is made again after a resume", () => {
    const { view, asked, apply } = show("<p>a</p>");
    apply([9, "x"]);
    view.joined("resume");
    expect(asked.length).toBe(2);
    view.joined("mount");
    expect(asked.length).toBe(2);
  });

  test("what others had added before the join is kept", () => {
    const { root, asked, apply, html } = show("<aside>foreign</aside><div>1</div><div>2<canvas></canvas></div>");
    const served = "<div>1</div><div>2</div>";
    apply([], { h: shape(served) });
    expect(asked).toEqual([["resync", "shape differs"]]);
    html(served);
    expect(root.innerHTML).toBe("<aside>foreign</aside><div>1</div><div>2<canvas></canvas></div>");
    apply([1, 0, "two"]);
    expect(root.innerHTML).toBe("<aside>foreign</aside><div>1</div><div>two<canvas></canvas></div>");
  });
});

describe("match", () => {
  const nodes = (html: string) => {
    const el = document.createElement("div");
    el.innerHTML = html;
    return mirrorOf(el).k!;
  };
  test.each([
    ["<i>a</i><i>b</i>", "<i>a</i><i>b</i>", [0, 1]],
    ["<i>a</i><i>b</i>", "<i>new</i><i>a</i><i>b</i>", [-1, 0, 1]],
    ["<i>a</i><i>b</i><i>c</i>", "<i>a</i><i>c</i>", [0, 2]],
    ["<i>a</i><b>b</b>", "<i>x</i><b>y</b>", [0, 1]],
    ["<i>a</i>text<!--c-->", "<!--c-->text", [2, -1]],
    ['<i id="1"></i><i id="2"></i>', '<i id="2"></i><i></i><i id="1"></i>', [1, -1, 0]],
    ['<i id="1"></i>', '<b id="1"></b>', [-1]],
  ])("%s and %s", (old, next, want) => {
    expect(match(nodes(old), nodes(next))).toEqual(want);
  });
});
