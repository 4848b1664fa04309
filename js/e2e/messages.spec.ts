/** What reaches a page without anything the user does: messages, timers, topics, and functions that take a while. */
import type { Page } from "@playwright/test";
import { expect, open, test, watchJoins } from "./fixtures.ts";

/** Somebody who has no page open publishes a headline. */
async function publish(url: string, text: string): Promise<void> {
  expect((await fetch(`${url}/publish?text=${encodeURIComponent(text)}`)).status).toBe(200);
}

/** Counts how often a document is loaded in a page from now on. */
function loads(page: Page): () => number {
  let n = 0;
  page.on("load", () => n++);
  return () => n;
}

/** Collects what an element shows after each change from now on. */
async function shown(page: Page, id: string): Promise<() => Promise<string[]>> {
  await page.evaluate((id) => {
    const all = ((window as unknown as { shown?: Record<string, string[]> }).shown ??= {});
    const el = document.getElementById(id)!;
    const texts: string[] = (all[id] = []);
    new MutationObserver(() => {
      const text = [...el.children].map((child) => child.textContent).join(" ");
      if (text !== texts.at(-1)) texts.push(text);
    }).observe(el, { subtree: true, childList: true, characterData: true });
  }, id);
  return () => page.evaluate((id) => (window as unknown as { shown: Record<string, string[]> }).shown[id]!, id);
}

const alert = (page: Page, id: string) => page.locator(`#${id}`).getByRole("alert");

test("two tabs show what is published within a second, and nobody touches them", async ({ context, site }) => {
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await open(tab, `${site.url}/news`);
  const loaded = tabs.map(loads);
  for (const text of ["one", "two", "three <b>& more</b>"]) {
    const start = Date.now();
    await publish(site.url, text);
    for (const tab of tabs) await expect(tab.locator("#topic")).toHaveText(text, { timeout: 1000 });
    console.log(`both tabs show it ${Date.now() - start} ms after it was published`);
  }
  expect(loaded.map((n) => n())).toEqual([0, 0]);
  for (const tab of tabs) await expect(tab.locator("#direct")).toHaveText("");
});

test("a goroutine of the server reaches the page that it knows, and no other", async ({ context, site }) => {
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await open(tab, `${site.url}/news`);
  await tabs[0]!.locator("#ask").click();
  await expect(tabs[0]!.locator("#direct")).toHaveText("after 100 ms", { timeout: 1100 });
  await expect(tabs[1]!.locator("#direct")).toHaveText("");
});

test("a clock goes on while the connection is lost, and stops with its page", async ({ page, home }) => {
  const at = await home("site");
  const joins = await watchJoins(page);
  await open(page, `${at.url}/news`);
  const ticks = async (): Promise<number> => Number(await page.locator("#ticks").textContent());
  await expect.poll(ticks).toBeGreaterThan(3);
  for (let i = 1; i <= 3; i++) {
    at.proxy.cut();
    await publish(at.direct, `meanwhile ${i}`);
    await expect(page.locator("#topic")).toHaveText(`meanwhile ${i}`);
    const before = await ticks();
    await expect.poll(ticks).toBeGreaterThan(before + 3);
    await expect.poll(() => joins.length).toBe(i + 1);
  }
  expect(joins).toEqual(["adopt", "resume", "resume", "resume"]);
  await expect(page.locator("#mounts")).toHaveText("1");
  // The next page is another one, and is sent nothing by the clock of the last.
  await page.getByRole("link", { name: "jobs" }).click();
  await expect(page.locator("#number b")).toHaveText("1");
  await expect(page.locator("#reset b")).toHaveText("1");
  await page.evaluate(() => {
    Object.assign(window, { patches: 0 });
    addEventListener("live:patched", () => (window as unknown as { patches: number }).patches++);
  });
  await publish(at.direct, "nobody");
  await page.locator("#poke").click();
  await expect(page.locator("#clicks")).toHaveText("1");
  expect(await page.evaluate(() => (window as unknown as { patches: number }).patches)).toBe(1);
});

test("what takes a second is loading in the first HTML, then there, and stays while it is loaded again", async ({ page, site }) => {
  const document = await page.goto(`${site.url}/jobs`);
  expect(await document!.text()).toMatch(/<section id="number">\s*<em>loading<\/em>\s*<\/section>/);
  const [number, reset] = [await shown(page, "number"), await shown(page, "reset")];
  await expect(page.locator("#number")).toHaveText("1", { timeout: 2000 });
  await expect(page.locator("#reset")).toHaveText("1", { timeout: 2000 });
  await page.locator("#again").click();
  await page.locator("#anew").click();
  await expect(page.locator("#number")).toHaveText("2", { timeout: 2000 });
  await expect(page.locator("#reset")).toHaveText("2", { timeout: 2000 });
  expect([await number(), await reset()]).toEqual([
    ["1", "loading 1", "2"],
    ["1", "loading", "2"],
  ]);
  await expect(page.locator("#mounts")).toHaveText("1");
});

test("a job that panics fails its field with the view's text, and nothing else", async ({ page, site }) => {
  const joins = await watchJoins(page);
  await open(page, `${site.url}/jobs`);
  const loaded = loads(page);
  const token = await page.locator("[data-live]").getAttribute("data-live");
  await expect(page.locator("#number b")).toHaveText("1");
  const number = await shown(page, "number");
  await page.locator("#poke").click();
  await page.locator("#panic").click();
  await expect(alert(page, "number")).toHaveText("The number is not to be had.", { timeout: 2000 });
  expect(await number()).toEqual(["loading 1", "1 The number is not to be had."]);
  await page.locator("#poke").click();
  await expect(page.locator("#clicks")).toHaveText("2");
  await page.locator("#again").click();
  await expect(alert(page, "number")).toHaveCount(0);
  await expect(page.locator("#number b")).toHaveText("2");
  await expect(page.locator("#mounts")).toHaveText("1");
  await expect(page.locator("[data-live].live-connected")).toHaveCount(1);
  expect(await page.locator("[data-live]").getAttribute("data-live"), "the same page").toBe(token);
  expect([joins, loaded()]).toEqual([["adopt"], 0]);
});

test("a job that never ends holds nothing up", async ({ page, home }) => {
  const at = await home("site");
  await open(page, `${at.url}/jobs`);
  const deaf = await shown(page, "deaf");
  await page.locator("#wait").click();
  await page.locator("#poke").click();
  await expect(page.locator("#clicks")).toHaveText("1");
  await expect(alert(page, "deaf")).toHaveText("It takes too long.", { timeout: 1500 });
  expect(await deaf()).toEqual(["loading", "It takes too long."]);
  const start = Date.now();
  expect(await at.end("SIGTERM")).toBe(0);
  expect(Date.now() - start).toBeLessThan(2000);
  await at.start();
});
