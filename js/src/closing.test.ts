import { expect, test } from "vitest";
import { remedy, verdict } from "./closing.ts";

test.each([
  [1000, "retry"],
  [1001, "retry"],
  [1006, "retry"],
  [1009, "drop"],
  [1011, "retry"],
  [4400, "reload"],
  [4401, "ask"],
  [4403, "reload"],
  [4408, "retry"],
  [4409, "stop"],
  [4426, "reload"],
  [4429, "pause"],
  [4500, "retry"],
])("code %d: %s", (code, want) => {
  expect(remedy(code, true)).toBe(want);
});

test("a refused upgrade asks the page", () => expect(remedy(1006, false)).toBe("ask"));

test.each([
  [200, false, "retry"],
  [0, true, "reload"],
  [401, false, "reload"],
  [404, false, "reload"],
  [429, false, "retry"],
  [503, false, "retry"],
])("status %d, redirected %s: %s", (status, redirected, want) => {
  expect(verdict(status, redirected)).toBe(want);
});
