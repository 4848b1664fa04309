import AxeBuilder from "@axe-core/playwright";
import { expect, open, test } from "./fixtures.ts";

test("a form is submitted over the socket", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  await page.locator("#name").fill("Ada");
  await page.locator("#save").click();
  await expect(page.locator("#saved")).toHaveText("Hello Ada");
  await expect(page.locator("[data-live-flash]")).toContainText("Saved Ada.");
  expect(loads).toBe(0);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the same form is posted", async ({ page, site }) => {
    await page.goto(`${site.url}/forms`);
    await page.locator("#name").fill("Ada");
    await page.locator("#save").click();
    await expect(page.locator("#saved")).toHaveText("Hello Ada");
    await expect(page.locator("[data-live-flash]")).toContainText("Saved Ada.");
  });
});

test("typing is never overwritten by the answer to older typing", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  const text = "the quick brown fox jumps over the lazy dog";
  await page.locator("#typed").pressSequentially(text, { delay: 5 });
  await expect(page.locator("#echo")).toHaveText(text);
  await expect(page.locator("#typed")).toHaveValue(text);
});

test("push is answered by the handler's reply, and pushed events arrive", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  const got = await page.evaluate(async () => {
    const live = (window as unknown as { livelong: { push(n: string, p: object): Promise<unknown>; on(n: string, f: (d: unknown) => void): void } }).livelong;
    const pushed = new Promise((resolve) => live.on("summed", resolve));
    return [await live.push("Sum", { A: 2, B: 3 }), await pushed];
  });
  expect(got).toEqual([{ total: 5 }, { A: 2, B: 3 }]);
});

test("a handler's error is shown, and can be dismissed", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  await page.locator("#fail").click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("The basket is full.");
  await alert.getByRole("button").click();
  await expect(alert).not.toContainText("The basket is full.");
});

test("a panic mounts the page afresh and says so", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  await page.locator("#name").fill("Grace");
  await page.locator("#save").click();
  await expect(page.locator("#saved")).toHaveText("Hello Grace");
  await page.locator("#crash").click();
  await expect(page.getByRole("alert")).toContainText("started afresh");
  await expect(page.locator("#saved")).toHaveText("Hello Grace");
  await page.locator("#name").fill("Ada");
  await page.locator("#save").click();
  await expect(page.locator("#saved")).toHaveText("Hello Ada");
});

test("nothing violates the content security policy", async ({ page, site }) => {
  const violations: string[] = [];
  await page.exposeFunction("violated", (text: string) => violations.push(text));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) => (window as unknown as { violated(t: string): void }).violated(`${e.violatedDirective} ${e.blockedURI}`));
  });
  await open(page, `${site.url}/forms`);
  await page.locator("#name").fill("Ada");
  await page.locator("#save").click();
  await expect(page.locator("[data-live-flash]")).toContainText("Saved Ada.");
  await page.locator("#fail").click();
  await expect(page.getByRole("alert")).toContainText("basket");
  expect(violations).toEqual([]);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`messages are accessible in ${colorScheme} colours`, async ({ browser, site }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await open(page, `${site.url}/forms`);
    await page.locator("#save").click();
    await page.locator("#fail").click();
    await expect(page.getByRole("alert")).toContainText("basket");
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
    await context.close();
  });
}

test("a changed token loads the page again, once", async ({ page, site, errors }) => {
  errors.allow("livelong");
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  await page.goto(`${site.url}/forms?break`);
  await expect.poll(() => loads).toBe(2);
  await expect(page.locator("[data-live].live-error")).toBeVisible();
  expect(loads).toBe(2);
});
