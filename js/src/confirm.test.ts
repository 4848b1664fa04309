import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Confirm } from "./confirm.ts";

let sent: number[];
let confirm: Confirm;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  confirm = new Confirm((k) => sent.push(k));
});
afterEach(() => vi.useRealTimers());

test("frames are confirmed together, a second after", () => {
  confirm.applied();
  confirm.applied();
  vi.advanceTimersByTime(999);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual([2]);
  vi.advanceTimersByTime(60_000);
  expect(sent).toEqual([2]);
});

test("events put it off, but not for ever", () => {
  confirm.applied();
  for (let ms = 0; ms < 4_900; ms += 100) {
    vi.advanceTimersByTime(100);
    confirm.busy();
  }
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(sent).toEqual([1]);
});

test("a lost connection keeps the count, a fresh instance starts again", () => {
  confirm.applied();
  confirm.stop();
  vi.advanceTimersByTime(10_000);
  expect([sent, confirm.k]).toEqual([[], 1]);
  confirm.restart();
  expect(confirm.k).toBe(0);
});
