import { describe, expect, it } from "vitest";
import { parseBinding } from "./binding.ts";

describe("a binding", () => {
  const plain = { client: [], debounce: 0, throttle: 0, keys: [], prevent: false, value: undefined };
  const cases: [string, object][] = [
    ["Add", { ...plain, name: "Add" }],
    ['Add {"By":1}', { ...plain, name: "Add", value: { By: 1 } }],
    ["Edit;d=300;c=target,value", { ...plain, name: "Edit", debounce: 300, client: ["target", "value"] }],
    ["Edit;d=blur", { ...plain, name: "Edit", debounce: "blur" }],
    ["Key;k=Escape,Enter;t=50;p", { ...plain, name: "Key", keys: ["escape", "enter"], throttle: 50, prevent: true }],
    ['A.b-c {"text":"a; b"}', { ...plain, name: "A.b-c", value: { text: "a; b" } }],
  ];
  for (const [text, want] of cases) it(`reads ${text}`, () => expect(parseBinding(text)).toEqual(want));

  for (const text of ["", " {}", "1x", "Add;z=1", "Add;d=soon", "Add {", "Add [1]", "Add 1"]) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(() => parseBinding(text)).toThrow(JSON.stringify(text)));
  }
});
