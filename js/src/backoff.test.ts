import { expect, it } from "vitest";
import { Backoff } from "./backoff.ts";

it("grows to its limit, with full jitter, and starts again", () => {
  const most = new Backoff(100, 5_000, () => 0.999999);
  const waits = Array.from({ length: 10 }, () => Math.round(most.next()));
  expect(waits.slice(0, 3)).toEqual([200, 400, 800]);
  expect(Math.max(...waits)).toBeLessThanOrEqual(5_000);
  most.reset();
  expect(Math.round(most.next())).toBe(200);
  const least = new Backoff(100, 5_000, () => 0);
  expect(least.next()).toBe(0);
});
