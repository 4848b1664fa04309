// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { mirrorOf } from "./mirror.ts";
import { place, standing } from "./order.ts";

describe("standing", () => {
  test.each([
    [[0, 1, 2], -1, [1, 1, 1]],
    [[2, 0, 1], -1, [0, 1, 1]],
    [[2, 0, 1], 0, [1, 0, 0]],
    [[-1, 1, -1, 0], 1, [0, 1, 0, 0]],
    [[4, 3, 2, 1, 0], 2, [0, 0, 1, 0, 0]],
    [[], -1, []],
  ])("%j with %d pinned", (from, pin, want) => {
    expect([...standing(from, pin)]).toEqual(want);
  });

  test("is the longest, for every permutation of six", () => {
    const longest = (a: number[]): number => {
      const ends = a.map(() => 1);
      a.forEach((v, i) => a.slice(0, i).forEach((u, j) => u < v && (ends[i] = Math.max(ends[i]!, ends[j]! + 1))));
      return Math.max(...ends);
    };
    const permutations = (rest: number[]): number[][] =>
      rest.length === 0 ? [[]] : rest.flatMap((v) => permutations(rest.filter((w) => w !== v)).map((p) => [v, ...p]));
    for (const p of permutations([0, 1, 2, 3, 4, 5])) {
      const kept = p.filter((_, i) => standing(p)[i]);
      expect([kept.length, kept]).toEqual([longest(p), [...kept].sort()]);
    }
  });
});

test("the focused row stands still where nodes cannot be moved without losing the focus", () => {
  document.body.innerHTML = "<ul><li>0</li><li>1</li><li><input></li></ul>";
  const ul = document.body.firstElementChild!;
  const mirror = mirrorOf(ul);
  const input = ul.querySelector("input")!;
  input.focus();
  let blurred = 0;
  input.addEventListener("blur", () => blurred++);
  const old = mirror.k!;
  place(mirror, [old[2]!, old[0]!, old[1]!], [2, 0, 1]);
  expect(ul.textContent).toBe("01");
  expect(ul.firstElementChild!.contains(input)).toBe(true);
  expect([document.activeElement, blurred]).toEqual([input, 0]);
});
