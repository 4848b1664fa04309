import AxeBuilder from "@axe-core/playwright";
import { execFileSync } from "node:child_process";
import { expect, open, test } from "./fixtures.ts";

test("the counter counts, for the browser and for the page", async ({ context, counter }) => {
  const [one, two] = [await context.newPage(), await context.newPage()];
  await open(one, counter.url);
  await open(two, counter.url);
  for (let i = 1; i <= 3; i++) {
    await one.getByRole("button", { name: "Add one" }).click();
    await expect(one.locator("output")).toHaveText(String(i));
    await expect(two.locator("output")).toHaveText(String(i));
  }
  await two.getByRole("button", { name: "Subtract one" }).click();
  await expect(two.locator("output")).toHaveText("2");
  await expect(one.locator("output")).toHaveText("2");
  await two.getByRole("button", { name: "Only on this page" }).click();
  await expect(two.locator(".here")).toHaveText("1");
  await expect(one.locator(".here")).toHaveText("0");
});

test("two tabs that count at once lose no click", async ({ context, counter }) => {
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await open(tab, counter.url);
  await Promise.all(
    tabs.map((tab) =>
      tab.evaluate(async () => {
        const add = document.querySelector<HTMLElement>("[aria-label='Add one']")!;
        for (let i = 0; i < 50; i++) {
          // A click before the answer would be ignored.
          const answered = new Promise<void>((resolve) => {
            const watch = new MutationObserver(() => {
              if (add.closest(".live-pending")) return;
              watch.disconnect();
              resolve();
            });
            watch.observe(document, { subtree: true, attributes: true });
          });
          add.click();
          await answered;
        }
      }),
    ),
  );
  for (const tab of tabs) await expect(tab.locator("output")).toHaveText("100");
});

test("a click brings a frame of at most 30 bytes", async ({ page, counter }) => {
  const frames: string[] = [];
  page.on("websocket", (ws) => ws.on("framereceived", (f) => frames.push(String(f.payload))));
  await open(page, counter.url);
  await page.getByRole("button", { name: "Add one" }).click();
  await expect(page.locator("output")).toHaveText("1");
  // In development the frame carries the view's shape, too. That it is saved may come with it or after it.
  const frame = frames.find((text) => text.startsWith("[1,[") && !text.startsWith("[1,[]"))!.replace(/"h":\d+,?/, "").replace(",{}]", "]");
  console.log(`frame ${frame}: ${frame.length + 2} B with its header`);
  expect(frame.length + 2).toBeLessThanOrEqual(30);
});

test("the server is killed while the user types", async ({ page, counter, errors }) => {
  errors.allow("WebSocket connection");
  errors.allow("ERR_CONNECTION_REFUSED");
  await open(page, counter.url);
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  const note = page.getByLabel("A note");
  await note.pressSequentially("typed before ", { delay: 20 });
  execFileSync("pkill", ["-9", "-P", String(counter.process.pid)]);
  await note.pressSequentially("and after", { delay: 40 });
  await expect(page.getByText("22 characters on the server")).toBeVisible({ timeout: 20_000 });
  await expect(note).toHaveValue("typed before and after");
  await expect(note).toBeFocused();
  expect(await note.evaluate((el: HTMLInputElement) => el.selectionStart)).toBe(22);
  await page.getByRole("button", { name: "Add one" }).click();
  await expect(page.locator("output")).toHaveText("1");
  expect(loads).toBe(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the counter is accessible in ${colorScheme} colours`, async ({ browser, counter }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await open(page, counter.url);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
    await context.close();
  });
}

test("the counter fits a narrow screen", async ({ page, counter }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await open(page, counter.url);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the counter counts", async ({ page, counter }) => {
    await page.goto(counter.url);
    await page.getByRole("button", { name: "Add one" }).click();
    await page.getByRole("button", { name: "Add one" }).click();
    await expect(page.locator("output")).toHaveText("2");
  });
});
