// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Timing } from "./timing.ts";

describe("timing", () => {
  let el: HTMLElement;
  let sent: string[];
  let timing: Timing;
  const run = (text: string, pace: { debounce?: number | "blur"; throttle?: number }): void =>
    timing.run(el, el, "change", { debounce: 0, throttle: 0, ...pace }, () => sent.push(text));

  beforeEach(() => {
    vi.useFakeTimers();
    el = document.body.appendChild(document.createElement("input"));
    sent = [];
    timing = new Timing();
  });
  afterEach(() => {
    timing.stop();
    vi.useRealTimers();
  });

  it("sends one event after five fast keystrokes", () => {
    for (const text of ["a", "ab", "abc", "abcd", "abcde"]) {
      run(text, { debounce: 300 });
      vi.advanceTimersByTime(100);
    }
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(300);
    expect(sent).toEqual(["abcde"]);
  });

  it("sends at once when the control is left, and not again", () => {
    run("a", { debounce: 300 });
    timing.flush(el);
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual(["a"]);
  });

  it("waits for the control to be left", () => {
    run("a", { debounce: "blur" });
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([]);
    timing.flush(el);
    expect(sent).toEqual(["a"]);
  });

  it("sends nothing for an element that is gone", () => {
    run("a", { debounce: 300 });
    el.remove();
    vi.advanceTimersByTime(300);
    expect(sent).toEqual([]);
  });

  it("throttles to the first and the last of each window", () => {
    for (const text of ["1", "2", "3"]) run(text, { throttle: 100 });
    expect(sent).toEqual(["1"]);
    vi.advanceTimersByTime(100);
    expect(sent).toEqual(["1", "3"]);
    vi.advanceTimersByTime(1_000);
    run("4", { throttle: 100 });
    expect(sent).toEqual(["1", "3", "4"]);
  });
});
