import { describe, expect, it } from "vitest";
import { MAX_WAITING, Outbox } from "./outbox.ts";

const numbers = (entries: readonly { readonly n: number }[]): number[] => entries.map((e) => e.n);

describe("the outbox", () => {
  it("numbers events without gaps and hands each out once", () => {
    const box = new Outbox<null>();
    box.add("A", undefined, null);
    box.add("B", undefined, null);
    expect(numbers(box.take())).toEqual([1, 2]);
    box.add("C", undefined, null);
    expect(numbers(box.take())).toEqual([3]);
    expect(numbers(box.answered(2))).toEqual([1, 2]);
    expect(numbers(box.answered(3))).toEqual([3]);
  });

  it("sends again on resume what the server has not received", () => {
    const box = new Outbox<null>();
    for (const name of ["A", "B", "C"]) box.add(name, undefined, null);
    box.take();
    box.resumed(1);
    expect(numbers(box.take())).toEqual([2, 3]);
  });

  it("drops unanswered events on a mount, and goes on counting", () => {
    const box = new Outbox<null>();
    box.add("A", undefined, null);
    box.take();
    expect(numbers(box.mounted())).toEqual([1]);
    expect(box.add("B", undefined, null)?.n).toBe(2);
  });

  it("keeps events made before the first connection", () => {
    const box = new Outbox<null>();
    box.add("A", undefined, null);
    expect(box.mounted()).toEqual([]);
    expect(numbers(box.take())).toEqual([1]);
  });

  it("replaces only what was not sent", () => {
    const box = new Outbox<null>();
    box.add("Edit", { f: "a=1" }, null);
    box.add("Edit", { f: "a=12" }, null, () => true);
    expect(box.take().map((e) => e.payload?.f)).toEqual(["a=12"]);
    box.add("Edit", { f: "a=123" }, null, () => true);
    expect(numbers(box.take())).toEqual([2]);
  });

  it("refuses more than the limit", () => {
    const box = new Outbox<null>();
    for (let i = 0; i < MAX_WAITING; i++) expect(box.add("A", undefined, null)).not.toBeNull();
    expect(box.add("A", undefined, null)).toBeNull();
  });
});
