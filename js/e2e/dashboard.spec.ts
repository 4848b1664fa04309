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
  await expect(page.locator("#last")).toHaveText(/^[\d.,]+ k?B, \d+ operations?, [\d.]+ ms$/);
  await expect(page.locator("#sum")).toHaveText(/^\d+ patch(es)?, [\d.]+ [kM]?B, [\d.]+ ms each$/);
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

/** Enters a rule and adds it. */
async function rule(page: Page, name: string, gauge: string, side: string, limit: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Gauge", { exact: true }).selectOption(gauge);
  await page.getByLabel("Is", { exact: true }).selectOption(side);
  await page.getByLabel("Limit").fill(limit);
  await page.getByLabel("For", { exact: true }).selectOption("1");
  await page.getByRole("button", { name: "Add rule" }).click();
}

test("a rule is checked while it is entered, fires, and survives a reload until it is removed", async ({ page, dashboard }) => {
  await open(page, dashboard.url);
  const limit = page.getByLabel("Limit");
  await expect(page.locator(".live-problem")).toHaveCount(0);
  await limit.fill("101");
  await expect(limit).toHaveAccessibleDescription("must be from 0 to 100");
  await expect(page.getByLabel("Name", { exact: true })).not.toHaveAttribute("aria-invalid");
  await page.getByLabel("Gauge", { exact: true }).selectOption("Goroutines");
  await expect(page.locator(".live-problem")).toHaveCount(0);
  await expect(page.getByText("Limit in")).toHaveCount(0);
  await rule(page, "", "Goroutines", "above", "1");
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription("must be filled in");
  await rule(page, "Alive", "Goroutines", "above", "1");
  await expect(page.getByRole("status").filter({ hasText: "Firing" })).toHaveText("Firing: Alive.");
  await expect(page.locator(".alerts li")).toContainText("Goroutines above 1 for 1 s");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await saved(page);
  await page.reload();
  await expect(page.locator(".alerts li strong")).toHaveText("Alive");
  await page.getByRole("button", { name: "Remove Alive" }).click();
  await expect(page.locator(".alerts li")).toHaveCount(0);
  await expect(page.getByRole("status").filter({ hasText: "No rule fires." })).toBeVisible();
});

test("the rule that is being entered is there after the server was killed", async ({ page, home, errors }) => {
  errors.allow("livelong");
  const at = await home("dashboard");
  await open(page, at.url);
  await page.getByLabel("Limit").fill("200");
  await page.getByLabel("Name", { exact: true }).fill("Half a na");
  await expect(page.getByLabel("Limit")).toHaveAccessibleDescription("must be from 0 to 100");
  await saved(page);
  await at.end("SIGKILL");
  await page.keyboard.type("me");
  await at.start();
  await page.getByRole("button", { name: "Add rule" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Half a name");
  await expect(page.locator(".live-problem")).toHaveText(["must be from 0 to 100"]);
  await page.getByLabel("Limit").fill("20");
  await page.getByRole("button", { name: "Add rule" }).click();
  await expect(page.locator(".alerts li strong")).toHaveText("Half a name");
});

for (const [colorScheme, width] of [["light", 1280], ["dark", 1280], ["light", 390], ["dark", 390]] as const) {
  test(`rules are accessible in ${colorScheme} colours, ${width} px wide`, async ({ browser, dashboard }) => {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    await open(page, dashboard.url);
    await rule(page, "A rule with a name of forty letters, 4711", "Goroutines", "above", "1");
    await expect(page.locator(".fires")).toHaveCount(0); // that is one letter too long
    await rule(page, "A rule with a name of forty letters, 471", "Goroutines", "above", "1");
    await expect(page.locator(".fires")).toHaveCount(1);
    await rule(page, "", "CPU", "above", "x");
    await expect(page.locator(".live-problem")).toHaveCount(2);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await context.close();
  });
}

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a rule is refused, made and removed", async ({ page, dashboard, errors }) => {
    errors.allow("422"); // browsers note it
    await page.goto(dashboard.url);
    await rule(page, "", "Memory", "above", "nine");
    await expect(page.locator(".live-problem")).toHaveText(["must be filled in", "must be a number"]);
    await expect(page.getByLabel("Limit")).toHaveValue("nine");
    await expect(page.getByLabel("Gauge", { exact: true })).toHaveValue("Memory");
    await rule(page, "Used", "Memory", "above", "0");
    await expect(page.locator(".alerts li")).toContainText("Memory above 0 % for 1 s");
    await page.getByRole("button", { name: "Remove Used" }).click();
    await expect(page.locator(".alerts li")).toHaveCount(0);
  });
});
