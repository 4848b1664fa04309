import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, open, saved, test } from "./fixtures.ts";

/** Waits until so many more patches have come. */
async function patches(page: Page, count: number): Promise<void> {
  await page.evaluate(
    (n) =>
      new Promise<void>((resolve) => {
        addEventListener("live:patched", function seen() {
          if (--n > 0) return;
          removeEventListener("live:patched", seen);
          resolve();
        });
      }),
    count,
  );
}

/** The numbers in a column of the table. */
async function numbers(page: Page, column: number): Promise<number[]> {
  return page.locator(`tbody tr td:nth-child(${column})`).evaluateAll((cells) => cells.map((cell) => parseFloat(cell.textContent)));
}

const descending = (list: readonly number[]): number[] => [...list].sort((a, b) => b - a);

test("the gauges move, and nothing is said of an empty host", async ({ page, dashboard }) => {
  await open(page, dashboard.url);
  const drawing = page.locator(".gauge svg").first();
  const before = await drawing.getAttribute("viewBox");
  await patches(page, 2);
  expect(await drawing.getAttribute("viewBox")).not.toBe(before);
  // What a patch has added is drawn, not only there.
  const last = drawing.locator("path").last();
  expect(await last.evaluate((el) => el.namespaceURI)).toBe("http://www.w3.org/2000/svg");
  await expect(page.locator("tbody tr").first()).toBeVisible();
});

test("rows are sorted by keyboard, in place", async ({ page, dashboard }) => {
  await open(page, dashboard.url);
  let loads = 0;
  page.on("load", () => loads++);
  const header = page.locator("th.pid");
  await header.getByRole("link").focus();
  await page.keyboard.press("Enter");
  await expect(header).toHaveAttribute("aria-sort", "descending");
  await expect(page).toHaveURL(/\?sort=pid$/);
  await expect(header.getByRole("link")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(header).toHaveAttribute("aria-sort", "ascending");
  await expect(page.locator("tbody tr td:last-child").first()).toHaveText("1");
  await page.goBack();
  await expect(header).toHaveAttribute("aria-sort", "descending");
  await page.goBack();
  await expect(page.locator("th.cpu")).toHaveAttribute("aria-sort", "descending");
  const cpu = await numbers(page, 2);
  expect(cpu).toEqual(descending(cpu));
  expect(loads).toBe(0);
});

test("what is typed into the filter stays while rows change", async ({ page, dashboard }) => {
  await open(page, `${dashboard.url}/?rows=500&hz=20`);
  const filter = page.getByLabel("Filter");
  await filter.pressSequentially("nginx", { delay: 60 });
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await expect(page.locator(".count")).toHaveText(/^\d+ of 500$/);
  await expect(page).toHaveURL(/q=nginx/);
  await patches(page, 10);
  await expect(filter).toHaveValue("nginx");
  await expect(filter).toBeFocused();
  expect(await filter.evaluate((el: HTMLInputElement) => el.selectionStart)).toBe(3);
  for (const name of await page.locator("tbody th").allTextContents()) expect(name).toContain("nginx");
});

test("5,000 rows that change ten times a second show what patches cost", async ({ page, dashboard }) => {
  await open(page, dashboard.url);
  await page.getByText("Columns", { exact: true }).first().click();
  await page.getByRole("link", { name: "5,000 rows" }).click();
  await expect(page.locator(".count")).toHaveText("5,000", { timeout: 20_000 });
  await expect(page).toHaveURL(/rows=5000/);
  await page.locator("[data-live].live-connected").waitFor();
  await page.evaluate(() => {
    const costs: { bytes: number; ops: number; ms: number }[] = [];
    Object.assign(window, { costs });
    addEventListener("live:patched", (event) => costs.push((event as CustomEvent).detail));
  });
  await patches(page, 30);
  const costs = (await page.evaluate(() => (window as unknown as { costs: { bytes: number; ops: number; ms: number }[] }).costs)).slice(2);
  const mean = (pick: (cost: (typeof costs)[0]) => number): number => costs.reduce((all, cost) => all + pick(cost), 0) / costs.length;
  console.log(`5,000 rows: ${mean((c) => c.bytes).toFixed(0)} B, ${mean((c) => c.ops).toFixed(0)} operations, ${mean((c) => c.ms).toFixed(2)} ms a patch`);
  expect(mean((c) => c.bytes)).toBeLessThan(8_000);
  await expect(page.locator("#last")).toHaveText(/^[\d.,]+ k?B, \d+ operations, [\d.]+ ms$/);
  await expect(page.locator("#sum")).toHaveText(/^\d+ patches, [\d.]+ [kM]?B, [\d.]+ ms each$/);
  await page.getByRole("link", { name: "This host" }).click();
  await expect(page.locator("#rows")).toHaveText("Processes");
});

test("theme and columns survive a reload", async ({ page, dashboard }) => {
  const scheme = (): Promise<string> => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  await open(page, dashboard.url);
  await page.getByRole("radio", { name: "dark" }).check();
  expect(await scheme()).toBe("dark");
  await page.locator("summary").click();
  await page.getByRole("checkbox", { name: "User" }).uncheck();
  await expect(page.locator("th.user")).toHaveCount(0);
  await patches(page, 2);
  await expect(page.getByRole("checkbox", { name: "User" })).toBeVisible();
  await saved(page);
  await page.reload();
  expect(await scheme()).toBe("dark");
  await expect(page.getByRole("radio", { name: "dark" })).toBeChecked();
  await expect(page.locator("th.user")).toHaveCount(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the dashboard is accessible in ${colorScheme} colours`, async ({ browser, dashboard }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await open(page, dashboard.url);
    await page.locator("summary").click();
    await patches(page, 2);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
    await context.close();
  });
}

test("the dashboard fits a narrow screen", async ({ page, dashboard }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await open(page, dashboard.url);
  await page.locator("summary").click();
  await patches(page, 1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  // The table is scrolled in its region, which the keyboard reaches.
  const region = page.getByRole("region", { name: "Processes" });
  await region.focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => region.evaluate((el) => el.scrollLeft)).toBeGreaterThan(0);
});
