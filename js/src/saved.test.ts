// @vitest-environment jsdom
import { expect, test } from "vitest";
import { Saved } from "./saved.ts";

test("exactly one class tells the state, and only changes are told", () => {
  const root = document.createElement("div");
  root.className = "mine live-unavailable"; // as the server has rendered it
  const saved = new Saved(root);
  expect(root.className).toBe("mine live-unavailable");
  for (const [n, state] of ["saved", "saving", "unsaved", "unavailable"].entries()) {
    expect(saved.set(n)).toBe(state);
    expect(root.className).toBe(`mine live-${state}`);
    expect(saved.set(n)).toBeUndefined();
  }
  saved.stop();
  expect(root.className).toBe("mine");
});
