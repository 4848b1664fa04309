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

it("spreads the browsers of a restarted server", () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const browsers = Array.from({ length: 10_000 }, () => new Backoff(100, 5_000, random));
  // No tenth of the longest wait gets more than its share.
  const tenths = (waits: readonly number[], most: number): number[] => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (const wait of waits) counts[Math.floor((wait / most) * 10)]!++;
    return counts;
  };
  for (const most of [200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    // A tenth has 1,000, with a deviation of 30: five of them either way.
    for (const count of tenths(browsers.map((each) => each.next()), most)) {
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1_150);
    }
  }
});
