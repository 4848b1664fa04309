/** The mark that says whether what is shown is stored. It is never ahead of the bucket. */
import AxeBuilder from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { hold, takeAway } from "./disk.ts";
import { type Server, expect, open, saved, test } from "./fixtures.ts";
import { type Shown, marks, record } from "./recorder.ts";

const UNREADABLE = "What you saved before cannot be read at the moment.";

/** What the bucket has acknowledged. */
interface Put {
  readonly at: number;
  readonly data: string;
}

/** Holds the bucket's writes, takes it away, and so on. */
async function bucket(page: Page, site: Server, what: "hold" | "release" | "away" | "back"): Promise<void> {
  expect((await page.request.post(`${site.url}/bucket?do=${what}`)).status()).toBe(200);
}

const puts = async (page: Page, site: Server): Promise<Put[]> => (await (await page.request.get(`${site.url}/bucket`)).json()) as Put[];

const is = (page: Page, mark: string): Promise<void> => page.locator(`[data-live].live-${mark}`).waitFor();

/** Exactly one mark from the moment on at which the server has said the first. */
function oneMark(all: readonly Shown[]): void {
  const first = all.findIndex((s) => s.marks.length > 0);
  for (const s of all.slice(first)) expect(s.marks, JSON.stringify(s)).toHaveLength(1);
}

/** Whatever was shown as saved, the bucket had acknowledged by then. Returns how often that was checked. */
function notAhead(all: readonly Shown[], written: readonly Put[]): number {
  let checked = 0;
  for (const s of all) {
    if (!s.marks.includes("saved") || s.count === 0) continue;
    const then = written.filter(({ at }) => at <= s.at).map(({ data }) => data);
    const counts = then.map((data) => Number(/"Sum":\{[^{}]*?"v(?:alue)?":(\d+)/.exec(data)?.[1] ?? 0));
    expect(Math.max(0, ...counts), JSON.stringify(s)).toBeGreaterThanOrEqual(s.count);
    checked++;
  }
  return checked;
}

test("a change is shown as being saved, at once, until the bucket has it", async ({ page, slow }) => {
  const shown = await record(page, "#taps");
  await open(page, `${slow.url}/stored`);
  await is(page, "saved");
  await page.locator("#increase").click();
  await expect(page.locator("#sum")).toHaveText("1");
  await is(page, "saved");
  await bucket(page, slow, "hold");
  const before = (await puts(page, slow)).length;
  for (let i = 2; i <= 4; i++) {
    await page.locator("#increase").click();
    await expect(page.locator("#sum")).toHaveText(String(i));
    await expect(page.locator("[data-live]")).toHaveClass(/live-saving/);
  }
  expect(await puts(page, slow)).toHaveLength(before);
  await bucket(page, slow, "release");
  await is(page, "saved");
  // As fast as answers come.
  for (let i = 5; i <= 20; i++) {
    await page.locator("#increase").click();
    await expect(page.locator("#sum")).toHaveText(String(i));
  }
  await is(page, "saved");
  const all = await shown();
  for (let i = 2; i <= 4; i++) expect(all.find((s) => s.count === i)!.marks, `first shown: ${i}`).toEqual(["saving"]);
  expect(new Set(marks(all))).toEqual(new Set(["", "saved", "saving"]));
  oneMark(all);
  expect(notAhead(all, await puts(page, slow))).toBeGreaterThanOrEqual(3);
});

test("without its bucket a page works on, says so after a second, and loses nothing", async ({ page, context, slow }) => {
  const shown = await record(page, "#drafted");
  await open(page, `${slow.url}/stored`);
  await page.locator("#increase").click();
  await expect(page.locator("#sum")).toHaveText("1");
  await is(page, "saved");
  await bucket(page, slow, "away");
  await page.locator("#increase").click();
  await expect(page.locator("#sum")).toHaveText("2");
  await is(page, "unsaved");
  await page.locator("#draft").fill("while it was away");
  await expect(page.locator("#drafted")).toHaveText("while it was away");
  await page.locator("#increase").click();
  await expect(page.locator("#sum")).toHaveText("3");
  await expect(page.locator("[data-live]")).toHaveClass(/live-unsaved/);
  await bucket(page, slow, "back");
  await is(page, "saved");
  await expect(page.locator("#sum")).toHaveText("3");
  await expect(page.locator("#draft")).toHaveValue("while it was away");
  const all = await shown();
  // Once the bucket is back, what was changed later may be on its way for a moment.
  expect(marks(all).join()).toMatch(/^,saved,saving,saved,saving,unsaved,(?:saving,)?saved$/);
  const changed = all.find((s) => s.count === 2)!;
  expect(changed.marks).toEqual(["saving"]);
  expect(all.find((s) => s.marks.includes("unsaved"))!.at - changed.at, "ms until it is said").toBeGreaterThan(500);
  oneMark(all);
  const written = await puts(page, slow);
  expect(notAhead(all, written)).toBeGreaterThanOrEqual(2);
  expect(written.at(-1)!.data).toContain('"while it was away"');
  const other = await context.newPage();
  await open(other, `${slow.url}/stored`);
  await expect(other.locator("#sum")).toHaveText("3");
});

test("a page that cannot be read says so, writes nothing, and is loaded again later", async ({ page, context, slow }) => {
  await open(page, `${slow.url}/stored`);
  await page.locator("#name").fill("Ada");
  await page.locator("#rename").click();
  await expect(page.locator("#named")).toHaveText("Ada");
  await is(page, "saved");
  await bucket(page, slow, "away");
  const written = await puts(page, slow);
  const raw = await (await page.request.get(`${slow.url}/stored`)).text();
  expect(raw).toMatch(/<div data-live="[^"]*"[^>]* class="live-unavailable">/);
  expect(raw).toContain(UNREADABLE);
  expect(raw).not.toContain("Ada");
  const other = await context.newPage();
  const shown = await record(other, "#taps");
  await open(other, `${slow.url}/stored`);
  await is(other, "unavailable");
  await expect(other.locator("[data-live-flash]")).toContainText(UNREADABLE);
  await expect(other.locator("#named")).toHaveText("");
  // What must be stored is refused in words; the rest is not kept, as the page has said and goes on saying.
  await other.locator("#order").click();
  await expect(other.getByRole("alert")).toContainText("Nothing can be saved at the moment");
  await expect(other.locator("#sum")).toHaveText("0");
  await other.locator("#increase").click();
  await expect(other.locator("#sum")).toHaveText("1");
  await bucket(page, slow, "back");
  await other.locator("#increase").click();
  await expect(other.locator("#sum")).toHaveText("2");
  expect(new Set(marks(await shown()))).toEqual(new Set(["unavailable"]));
  expect(await puts(page, slow)).toEqual(written);
  await open(other, `${slow.url}/stored`);
  await is(other, "saved");
  await expect(other.locator("#named")).toHaveText("Ada");
  await expect(other.locator("#sum")).toHaveText("0");
  await expect(other.locator("[data-live-flash]")).toBeEmpty();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a page that cannot be read says so, and takes no form", async ({ page, slow, errors }) => {
    errors.allow("status of 503");
    await page.goto(`${slow.url}/stored`);
    await page.locator("#name").fill("Ada");
    await page.locator("#rename").click();
    await expect(page.locator("#named")).toHaveText("Ada");
    await bucket(page, slow, "away");
    const written = await puts(page, slow);
    await page.reload();
    await is(page, "unavailable");
    await expect(page.getByText(UNREADABLE)).toBeVisible();
    await page.locator("#name").fill("Grace");
    await page.locator("#rename").click();
    await expect(page.getByText("Nothing can be saved on this page at the moment.")).toBeVisible();
    await bucket(page, slow, "back");
    expect(await puts(page, slow)).toEqual(written);
    await page.goto(`${slow.url}/stored`);
    await expect(page.locator("#named")).toHaveText("Ada");
    await expect(page.locator("[data-live]")).not.toHaveClass(/live-unavailable/);
  });
});

/** The counter's own words for each mark, in each colour scheme, as its bucket on a disk behaves. */
for (const colorScheme of ["light", "dark"] as const) {
  test(`the counter's marks in ${colorScheme} colours`, async ({ browser, home }) => {
    const at = await home("counter");
    const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    const shown = await record(page, ".here");
    const pictures = join(import.meta.dirname, ".out", "marks");
    mkdirSync(pictures, { recursive: true });
    async function look(mark: string, words: string): Promise<void> {
      await is(page, mark);
      for (const width of [320, 900]) {
        await page.setViewportSize({ width, height: 760 });
        await expect(page.locator(".mark")).toHaveText(words, { useInnerText: true });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`), `${mark}, ${width} px`).toEqual([]);
        await page.screenshot({ path: join(pictures, `${mark}-${colorScheme}-${width}.png`) });
      }
      await is(page, mark);
    }
    const add = async (count: number): Promise<void> => {
      await page.getByRole("button", { name: "Add one" }).click();
      await expect(page.locator("output")).toHaveText(String(count));
    };
    await open(page, at.url);
    await add(1);
    await look("saved", "Saved");
    const release = await hold(at);
    await add(2);
    await look("saving", "Saving…");
    await release();
    await saved(page);
    const giveBack = takeAway(at);
    await add(3);
    await look("unsaved", "Not saved yet");
    giveBack();
    await saved(page);
    oneMark(await shown());
    const takenAgain = takeAway(at);
    await open(page, at.url);
    await look("unavailable", "Not available: what you saved cannot be read");
    oneMark(await shown());
    takenAgain();
    await open(page, at.url);
    await expect(page.locator("output")).toHaveText("3");
    await saved(page);
    await context.close();
  });
}
