import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Up, decode, encode } from "./wire.ts";

interface Fixture {
  readonly kind: string;
  readonly direction: "up" | "down";
  readonly frame: string;
  readonly value: Record<string, unknown>;
}

const dir = new URL("../../live/internal/wire/testdata/", import.meta.url);
const fixtures = readdirSync(dir)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, dir), "utf8")) as Fixture);

describe("fixtures shared with the server", () => {
  it("exist", () => expect(fixtures.length).toBeGreaterThan(20));

  for (const { kind, frame, value } of fixtures.filter((f) => f.direction === "down")) {
    it(`decodes ${kind}`, () => {
      expect(decode(frame)).toEqual({ kind: "frame", ref: value.ref, patch: value.patch, extra: value.extra ?? {} });
    });
  }
  for (const { kind, frame, value } of fixtures.filter((f) => f.direction === "up")) {
    it(`encodes ${kind}`, () => {
      const up = { ...value } as Record<string, unknown>;
      if (up.kind === "confirm") up.k = up.n;
      expect(JSON.parse(encode(up as unknown as Up))).toEqual(JSON.parse(frame));
    });
  }
});

describe("bad frames", () => {
  it("tells a pong from a frame", () => expect(decode("[]")).toEqual({ kind: "pong" }));
  for (const text of ["", "x", "{}", "[1]", '["a",[]]', "[1,{}]", "[-1,[]]", '[1,[],"x"]', "[1,[],null]", '[1,[],{"h":"x"}]']) {
    it(`refuses ${text || "nothing"}`, () => expect(() => decode(text)).toThrow());
  }
});
