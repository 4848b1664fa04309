/** The shipped client applies generated patches: each must give the DOM that the new view would have been parsed to. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bin, root } from "./build.ts";
import { expect, test } from "./fixtures.ts";

interface Pair {
  readonly old: string;
  readonly new: string;
  readonly patch: string;
  readonly shape: number;
  readonly shapeNew: number;
  readonly inserts: boolean;
  readonly inserted: number;
}

const COUNT = 1_600;

test(`${COUNT} generated pairs give the right DOM`, async ({ page, errors }) => {
  errors.allow("<path> attribute d"); // the generator invents drawings that draw nothing
  test.setTimeout(120_000);
  const seed = Number(process.env.SEED ?? 1);
  const pairs = JSON.parse(execFileSync(join(bin, "pairs"), ["-seed", String(seed), "-n", String(COUNT)], { maxBuffer: 1 << 30 }).toString()) as Pair[];
  expect(pairs.length).toBeGreaterThanOrEqual(1_500);
  await page.route("http://pairs.test/**", (route) =>
    route.request().url().endsWith(".js")
      ? route.fulfill({ contentType: "text/javascript", body: readFileSync(join(root, "js/dist/livelong.js")) })
      : route.fulfill({ contentType: "text/html", body: "<!DOCTYPE html><title>pairs</title><body></body>" }),
  );
  await page.goto("http://pairs.test/");
  const wrong = await page.evaluate(async (all) => {
    const { connect } = (await import("http://pairs.test/livelong.js" as string)) as { connect(o: object): { disconnect(): void } };
    const bad: string[] = [];
    const where = (got: string, want: string): string => {
      let at = 0;
      while (at < got.length && got[at] === want[at]) at++;
      return `${JSON.stringify(got.slice(Math.max(0, at - 60), at + 60))} instead of ${JSON.stringify(want.slice(Math.max(0, at - 60), at + 60))}`;
    };
    // Chromium reads simple fragments, but no pages, with a second parser that decodes "&copy=" in attributes. A comment
    // keeps it out.
    const parse = (el: Element, html: string): void => {
      el.innerHTML = `${html}<!---->`;
      el.lastChild!.remove();
    };
    for (const [i, pair] of all.entries()) {
      const asked: string[] = [];
      let socket: Fake | undefined;
      class Fake {
        static readonly OPEN = 1;
        readonly readyState = 1;
        onopen: (() => void) | null = null;
        onmessage: ((event: { data: string }) => void) | null = null;
        onclose: (() => void) | null = null;
        constructor() {
          socket = this;
        }
        send(text: string): void {
          asked.push(text);
        }
        close(): void {}
      }
      (window as { WebSocket: unknown }).WebSocket = Fake;
      const view = document.createElement("div");
      view.setAttribute("data-live", "token");
      parse(view, pair.old);
      document.body.replaceChildren(view);
      const live = connect({ root: view });
      const receive = (frame: unknown): void => socket!.onmessage!({ data: JSON.stringify(frame) });
      socket!.onopen!();
      receive([0, [], { join: { how: "adopt", secret: "s" }, h: pair.shape }]);
      receive([0, JSON.parse(pair.patch), { h: pair.shapeNew, ...(pair.inserts ? { i: pair.inserted } : {}) }]);
      const want = document.createElement("div");
      parse(want, pair.new);
      const got = document.createElement("div");
      got.append(...[...view.childNodes].map((n) => n.cloneNode(true)));
      want.normalize();
      got.normalize();
      const problem = asked.slice(1).join() || (got.isEqualNode(want) ? "" : `another DOM: ${where(got.innerHTML, want.innerHTML)}`);
      if (problem) bad.push(`pair ${i}: ${problem}\nold   ${pair.old}\nnew   ${pair.new}\npatch ${pair.patch}\ngot   ${view.innerHTML}`);
      live.disconnect();
    }
    return bad;
  }, pairs);
  console.log(`${pairs.length} pairs of seed ${seed}: ${wrong.length} wrong`);
  expect(wrong.slice(0, 10), `seed ${seed}`).toEqual([]);
});
