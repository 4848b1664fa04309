/** What templates are made of: components with arguments and slots, spread attributes, tags that change, shared regions. */
import type { Page } from "@playwright/test";
import { expect, open, test } from "./fixtures.ts";

/** Counts what changes in an element from now on, and says what: "characterData #text", "childList TR". */
async function changes(page: Page, selector: string): Promise<() => Promise<string[]>> {
  await page.evaluate((selector) => {
    const all: string[] = [];
    new MutationObserver((records) => all.push(...records.map((r) => `${r.type} ${r.target.nodeName}`))).observe(document.querySelector(selector)!, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    Object.assign(window, { changes: all });
  }, selector);
  return () => page.evaluate(() => (window as unknown as { changes: string[] }).changes);
}

test("a table with slots renders header and cells, and a changed row changes one text", async ({ page, site }) => {
  await open(page, `${site.url}/parts`);
  await expect(page.locator("#grid th")).toHaveText(["What", "Price"]);
  await expect(page.locator("#grid tbody tr")).toHaveCount(50);
  await expect(page.locator("#grid tr").nth(8).locator("td")).toHaveText(["thing 7", "70"]);
  const changed = await changes(page, "#grid");
  await page.locator("#grid").getByRole("button", { name: "thing 7", exact: true }).click();
  await expect(page.locator("#grid tr").nth(8).locator("td").nth(1)).toHaveText("71");
  expect((await changed()).filter((c) => c !== "attributes BUTTON")).toEqual(["characterData #text"]);
});

test("attributes that are spread no more are gone, and the button works again", async ({ page, site }) => {
  await open(page, `${site.url}/parts`);
  const button = page.locator("#spread");
  await page.locator("#turn").click();
  await expect(button).toBeDisabled();
  await expect(button).toHaveAttribute("title", "off");
  await expect(button).toHaveClass(/off/);
  await page.locator("#turn").click();
  await expect(button).toBeEnabled();
  expect(await button.evaluate((el) => el.getAttributeNames())).toEqual(["id"]);
});

test("an element with another tag takes its place, and its neighbours stay", async ({ page, site }) => {
  await open(page, `${site.url}/parts?name=Title`);
  await page.getByLabel("beside").fill("typed");
  await page.evaluate(() => Object.assign(document.querySelector("#beside")!, { mine: true }));
  await page.locator("#deepen").click();
  await expect(page.locator("h3")).toHaveText("Title");
  await expect(page.locator("h2")).toHaveCount(0);
  await expect(page.getByLabel("beside")).toHaveValue("typed");
  expect(await page.evaluate(() => (document.querySelector("#beside") as unknown as { mine: boolean }).mine)).toBe(true);
  expect(await page.evaluate(() => document.querySelector("h3")!.nextElementSibling!.id)).toBe("beside");
});

test("what a user enters is text, in the first HTML, after the join, and in a patch", async ({ page, site }) => {
  const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>&amp;"'`;
  let dialogs = 0;
  page.on("dialog", (dialog) => {
    dialogs++;
    void dialog.dismiss();
  });
  const document = await (await fetch(`${site.url}/parts?name=${encodeURIComponent(hostile)}`)).text();
  expect(document).not.toContain("<img src=x");
  await open(page, `${site.url}/parts?name=${encodeURIComponent(hostile)}`);
  await expect(page.locator("h2")).toHaveText(hostile);
  await page.getByLabel("name").fill(`${hostile} again`);
  await expect(page.locator("h2")).toHaveText(`${hostile} again`);
  await page.locator("#deepen").click();
  await expect(page.locator("h3")).toHaveText(`${hostile} again`);
  expect(await page.locator("main img, main script").count()).toBe(0);
  expect(dialogs).toBe(0);
});

test("a region is everybody's: one change, one small frame and one text for each, and its events are the viewer's", async ({ context, site }) => {
  const tabs = [await context.newPage(), await context.newPage(), await context.newPage()];
  const down: string[][] = tabs.map(() => []);
  for (const [i, tab] of tabs.entries()) {
    tab.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => down[i]!.push(String(payload))));
    await open(tab, `${site.url}/parts`);
  }
  const changed = await changes(tabs[2]!, "ol");
  await tabs[0]!.locator("#deal").click();
  for (const tab of tabs) await expect(tab.locator("ol output").nth(7)).toHaveText("71");
  expect(down[2]!.at(-1)!.length, down[2]!.at(-1)).toBeLessThan(40);
  expect(await changed()).toEqual(["characterData #text"]);
  await tabs[1]!.locator("ol").getByRole("button", { name: "thing 3", exact: true }).click();
  await expect(tabs[1]!.locator("h2")).toHaveText("cheered 3");
  await expect(tabs[0]!.locator("h2")).toHaveText("");
  // Who comes later has the value that its page was made with, and hears of the next one.
  await tabs[1]!.reload();
  await tabs[0]!.locator("#deal").click();
  for (const tab of tabs) await expect(tab.locator("ol output").nth(7)).toHaveText("72");
});
