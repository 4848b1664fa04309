/** The slow network that a developer asks for in the console. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, latency, open, slowable, test, watchJoins } from "./fixtures.ts";

test.beforeEach(({ context }) => slowable(context));

/** Milliseconds from a click to its patch. */
const click = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const began = performance.now();
        addEventListener("live:patched", () => resolve(performance.now() - began), { once: true });
        document.querySelector<HTMLElement>("#inc")!.click();
      }),
  );

test("a click takes two seconds, also after a reload, until it is switched off", async ({ page, site }) => {
  await open(page, `${site.url}/things`);
  const badge = page.locator(".live-latency");
  await expect(badge).toHaveCount(0);
  await latency(page, 1_000);
  await expect(badge).toContainText("1000 ms each way");
  expect(await click(page)).toBeGreaterThanOrEqual(1_999);
  await expect(page.locator("#n")).toHaveText("1");
  await page.reload();
  await expect(badge).toContainText("1000 ms each way");
  await page.locator("[data-live].live-connected").waitFor();
  expect(await click(page)).toBeGreaterThanOrEqual(1_999);
  const { violations } = await new AxeBuilder({ page }).include(".live-latency").analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
  await badge.getByRole("button", { name: "Switch off" }).focus();
  await page.keyboard.press("Enter");
  await expect(badge).toHaveCount(0);
  expect(await click(page)).toBeLessThan(1_000);
  await page.reload();
  await page.locator("[data-live].live-connected").waitFor();
  await expect(badge).toHaveCount(0);
});

test("an app in development loads it by itself", async ({ browser, counter }) => {
  const page = await browser.newPage();
  await open(page, counter.url);
  await latency(page, 300);
  await expect(page.locator(".live-latency")).toContainText("300 ms");
  const began = Date.now();
  await page.getByRole("button", { name: "Add one" }).click();
  await expect(page.locator("output")).toHaveText("1");
  expect(Date.now() - began).toBeGreaterThanOrEqual(599);
  await page.close();
});

test("other apps do not have it", async ({ browser, site }) => {
  const page = await browser.newPage();
  await open(page, `${site.url}/things`);
  expect(await page.evaluate(() => "latency" in (window as unknown as { livelong: object }).livelong)).toBe(false);
  await page.close();
});

test("it is of one tab", async ({ page, context, site }) => {
  await open(page, `${site.url}/things`);
  await latency(page, 1_000);
  const other = await context.newPage();
  await open(other, `${site.url}/things`);
  await expect(other.locator(".live-latency")).toHaveCount(0);
});

test("typing, losing the connection and coming back work under it", async ({ page, home }) => {
  const at = await home("site");
  const joins = await watchJoins(page);
  await open(page, `${at.url}/forms`);
  await latency(page, 300);
  const text = "the quick brown fox";
  for (let i = 0; i < 4; i++) {
    await page.locator("#typed").pressSequentially(text.slice(i * 5, i * 5 + 5), { delay: 20 });
    at.proxy.cut(); // with frames on their way in both directions
  }
  await expect(page.locator("#echo")).toHaveText(text);
  await expect(page.locator("#typed")).toHaveValue(text);
  await expect(page.locator("#typed")).toBeFocused();
  expect(joins.length).toBeGreaterThan(1);
  expect(joins.slice(1).every((how) => how === "resume")).toBe(true);
});

test("at its most a connection is not taken for dead", async ({ page, site }) => {
  let [sockets, pongs] = [0, 0];
  page.on("websocket", (ws) => {
    sockets++;
    ws.on("framereceived", ({ payload }) => payload === "[]" && pongs++);
  });
  await page.clock.install();
  await open(page, `${site.url}/things`);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await latency(page, 60_000);
  await expect(page.locator(".live-latency")).toContainText("4000 ms");
  for (let i = 1; i <= 3; i++) {
    await page.clock.runFor(30_000); // of silence
    await page.clock.runFor(4_000); // the ping is on its way
    await expect.poll(() => pongs).toBe(i);
    await page.clock.runFor(4_000); // the answer is
  }
  await page.locator("[data-live].live-connected").waitFor();
  expect(sockets).toBe(1);
});
