import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Heartbeat, PATIENCE, SILENCE } from "./heartbeat.ts";

let pings = 0;
let dead = 0;
let heartbeat: Heartbeat;

beforeEach(() => {
  vi.useFakeTimers();
  pings = dead = 0;
  heartbeat = new Heartbeat(
    () => pings++,
    () => dead++,
  );
});
afterEach(() => vi.useRealTimers());

test("silence brings a ping, and silence after it the end", () => {
  heartbeat.heard();
  vi.advanceTimersByTime(SILENCE);
  expect([pings, dead]).toEqual([1, 0]);
  vi.advanceTimersByTime(PATIENCE);
  expect([pings, dead]).toEqual([1, 1]);
});

test("any frame is a sign of life", () => {
  heartbeat.heard();
  for (let i = 0; i < 3; i++) {
    vi.advanceTimersByTime(SILENCE + PATIENCE - 1);
    heartbeat.heard();
  }
  expect([pings, dead]).toEqual([3, 0]);
});

test("coming back asks at once, but only once", () => {
  heartbeat.heard();
  heartbeat.ask();
  heartbeat.ask();
  expect(pings).toBe(1);
  heartbeat.stop();
  vi.advanceTimersByTime(60_000);
  expect(dead).toBe(0);
});
