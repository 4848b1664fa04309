// @vitest-environment jsdom
import { expect, test } from "vitest";
import { mirrorOf } from "./mirror.ts";
import { shapeOf } from "./shape.ts";

const shape = (html: string): number => {
  const el = document.createElement("div");
  el.innerHTML = html;
  return shapeOf(mirrorOf(el).k!);
};

/** FNV-1a of the bytes PROTOCOL.md lists. */
const fnv = (...parts: (string | number)[]): number => {
  let hash = 2166136261;
  for (const b of parts.flatMap((p) => (typeof p === "string" ? [...new TextEncoder().encode(p)] : [p]))) hash = Math.imul(hash ^ b, 16777619);
  return hash >>> 0;
};

test.each([
  ["", fnv()],
  ["a", fnv(3)],
  ["<!--a-->", fnv(4)],
  ["<p>a<br></p>", fnv("p", 1, 3, "br", 1, 2, 2)],
  ["<svg><linearGradient/></svg>", fnv("svg", 1, "lineargradient", 1, 2, 2)],
  ["<x-é>a</x-é>", fnv("x-é", 1, 3, 2)],
  ["<iframe>text</iframe><noscript><p>a</p></noscript>", fnv("iframe", 1, 2, "noscript", 1, 2)],
  ["<template><p></p></template>", fnv("template", 1, "p", 1, 2, 2)],
  ['<template shadowrootmode="open"><p></p></template>', fnv("template", 1, 2)],
  ['<p class="x">a</p>', shape("<p>b</p>")],
])("%s", (html, want) => {
  expect(shape(html)).toBe(want);
});

test("a text that the parser cut in two is one", () => {
  const el = document.createElement("p");
  el.append("a", "b", "", document.createComment("c"), "d");
  const { k } = mirrorOf(el);
  expect(k!.map((m) => m.n.nodeValue)).toEqual(["ab", "c", "d"]);
  expect([...el.childNodes].filter((n) => n.nodeValue).length).toBe(3);
});
