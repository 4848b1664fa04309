// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Latency } from "./latency.ts";

let got: string[] = [];
const frame = (name: string) => () => void got.push(name);
const badge = (): Element | null => document.querySelector(".live-latency");

beforeEach(() => {
  vi.useFakeTimers();
  got = [];
  sessionStorage.clear();
  document.body.replaceChildren();
});
afterEach(() => vi.useRealTimers());

test("without it nothing waits and nothing is shown", () => {
  const latency = new Latency();
  latency.start();
  latency.up(frame("up"));
  latency.down(frame("down"));
  expect(got).toEqual(["up", "down"]);
  expect(badge()).toBeNull();
});

test("frames wait in both directions", () => {
  const latency = new Latency();
  latency.set(1_000);
  latency.up(frame("up"));
  latency.down(frame("down"));
  vi.advanceTimersByTime(999);
  expect(got).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(got).toEqual(["up", "down"]);
});

test("frames keep their order while the delay changes, and none is lost", () => {
  const latency = new Latency();
  const names = Array.from({ length: 200 }, (_, i) => String(i));
  for (const [i, name] of names.entries()) {
    latency.set([1_000, 0, 300, 4_000][i % 4]!);
    latency.up(frame(name));
    vi.advanceTimersByTime((i * 7) % 50);
  }
  vi.advanceTimersByTime(4_000);
  expect(got).toEqual(names);
  latency.set(0);
  latency.up(frame("at once"));
  expect(got.at(-1)).toBe("at once");
});

test("what is on its way up arrives before the connection is closed, and once", () => {
  const latency = new Latency();
  latency.set(1_000);
  latency.up(frame("up"));
  latency.down(frame("down"));
  latency.flush();
  expect(got).toEqual(["up"]);
  vi.advanceTimersByTime(1_000);
  expect(got).toEqual(["up", "down"]);
});

test("the tab remembers it, the badge shows it and ends it", () => {
  const before = new Latency();
  before.start();
  before.set(1_000);
  before.stop();
  expect(badge()).toBeNull();
  const after = new Latency();
  after.start();
  expect(document.querySelectorAll(".live-latency").length).toBe(1);
  expect(badge()!.textContent).toContain("1000 ms");
  expect(badge()!.getAttribute("role")).toBe("status");
  badge()!.querySelector("button")!.click();
  expect(badge()).toBeNull();
  after.down(frame("down"));
  expect(got).toEqual(["down"]);
  const later = new Latency();
  later.start();
  expect(badge()).toBeNull();
});

test("nonsense is none, and more than the pings bear is less", () => {
  const latency = new Latency();
  for (const ms of [Number.NaN, -5, 0]) {
    latency.set(ms);
    expect(badge()).toBeNull();
  }
  latency.set(60_000);
  expect(badge()!.textContent).toContain("4000 ms");
});
