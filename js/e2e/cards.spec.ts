/** Views inside a view. */
import type { Page } from "@playwright/test";
import { expect, open, test } from "./fixtures.ts";

const card = (page: Page, id: number) => page.locator(`[live-key="${id}"]`);
const counts = async (page: Page): Promise<string> => (await page.locator("output").allTextContents()).join(" ");

/** The frames that came down after the join, as they are. */
async function frames(page: Page): Promise<string[]> {
  const all: string[] = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => all.push(String(payload))));
  return all;
}

test("each child counts for itself, and the page around leaves it alone", async ({ page, site }) => {
  await open(page, `${site.url}/cards`);
  await card(page, 1).locator(".count").click();
  await card(page, 1).locator(".count").click();
  await card(page, 3).locator(".count").click();
  await expect(card(page, 3).locator("output")).toHaveText("1");
  await page.evaluate(() => document.querySelectorAll("li").forEach((li) => Object.assign(li, { mine: li.getAttribute("live-key") })));
  await page.locator("#exclaim").click();
  await expect(page.locator("h1")).toHaveText("Cards!");
  expect(await counts(page)).toBe("0 2 0 1 0");
  await page.locator("#shuffle").click();
  await expect.poll(() => counts(page)).toBe("0 1 0 2 0");
  await card(page, 1).locator(".count").click();
  await expect.poll(() => counts(page)).toBe("0 1 0 3 0");
  expect(await page.evaluate(() => [...document.querySelectorAll("li")].every((li) => (li as unknown as { mine: string }).mine === li.getAttribute("live-key")))).toBe(true);
});

test("a child's change is all that is sent, and a move is small", async ({ page, site }) => {
  const down = await frames(page);
  await open(page, `${site.url}/cards?n=1000`);
  await card(page, 777).locator(".count").click();
  await expect(card(page, 777).locator("output")).toHaveText("1");
  const sent = down.at(-1)!;
  expect(sent.length, sent).toBeLessThan(40);
  await page.evaluate(() => {
    const moved: string[] = [];
    new MutationObserver((records) => {
      for (const r of records) for (const n of [...r.addedNodes, ...r.removedNodes]) moved.push((n as Element).getAttribute?.("live-key") ?? "");
    }).observe(document.querySelector("ul")!, { childList: true });
    Object.assign(window, { moved });
  });
  await page.locator("#shuffle").click();
  await expect.poll(() => page.locator("li").nth(1).getAttribute("live-key")).toBe("3");
  const order = down.at(-1)!;
  expect(order.length, order).toBeLessThan(60);
  expect(new Set(await page.evaluate(() => (window as unknown as { moved: string[] }).moved)).size, "elements that moved").toBe(2);
});

test("what is typed in a child stays while its neighbours change", async ({ page, site }) => {
  await open(page, `${site.url}/cards`);
  const note = page.getByLabel("note 2");
  await note.pressSequentially("typed");
  await expect(card(page, 2).locator("i")).toHaveText("typed");
  await note.press("ArrowLeft");
  await page.locator("#shuffle").dispatchEvent("click");
  await card(page, 0).locator(".count").dispatchEvent("click");
  await expect(card(page, 0).locator("output")).toHaveText("1");
  await expect(note).toBeFocused();
  await expect(note).toHaveValue("typed");
  expect(await note.evaluate((el: HTMLInputElement) => el.selectionStart)).toBe(4);
});

test("a hidden child comes back as it was, and works", async ({ page, site }) => {
  await open(page, `${site.url}/cards`);
  await card(page, 0).locator(".count").click();
  await expect(card(page, 0).locator("output")).toHaveText("1");
  for (let i = 2; i <= 4; i++) {
    // Without waiting for the answers in between.
    await page.locator("#hide").click();
    await expect(card(page, 0)).toHaveCount(0);
    await page.locator("#hide").click();
    await card(page, 0).locator(".count").click();
    await expect(card(page, 0).locator("output")).toHaveText(String(i));
  }
});

test("a child's panic is its own", async ({ page, site }) => {
  await open(page, `${site.url}/cards`);
  const token = await page.locator("[data-live]").getAttribute("data-live");
  await page.locator("#exclaim").click();
  for (const how of [".crash", ".later"]) {
    await card(page, 2).locator(".count").click();
    const count = how === ".crash" ? "1" : "2";
    await expect(card(page, 2).locator("output")).toHaveText(count);
    await card(page, 2).locator(how).click();
    await expect(page.getByRole("alert")).toContainText("as it was before");
    await expect(card(page, 2).locator("output")).toHaveText(count);
    await expect(page.locator("h1")).toHaveText("Cards!");
  }
  expect(await page.locator("[data-live]").getAttribute("data-live"), "the same page").toBe(token);
  await card(page, 2).locator(".count").click();
  await expect(card(page, 2).locator("output")).toHaveText("3");
});

test("a child has a clock of its own, which a lost connection does not stop", async ({ page, home }) => {
  const at = await home("site");
  await open(page, `${at.url}/cards`);
  await card(page, 4).locator(".clock").click();
  const ticks = async (): Promise<number> => Number(await card(page, 4).locator("b").textContent());
  await expect.poll(ticks).toBeGreaterThan(3);
  at.proxy.cut();
  await page.locator("[data-live].live-connected").waitFor();
  const before = await ticks();
  await expect.poll(ticks).toBeGreaterThan(before + 3);
  await expect(card(page, 0).locator("b")).toHaveText("0");
});

test("a child tells its page, which takes it away", async ({ page, site }) => {
  await open(page, `${site.url}/cards`);
  await card(page, 2).locator(".clock").click();
  await expect(card(page, 2).locator("b")).not.toHaveText("0");
  await card(page, 2).locator(".finish").click();
  await expect(page.locator("#done")).toHaveText("1 done");
  await expect(card(page, 2)).toHaveCount(0);
  await card(page, 3).locator(".finish").click();
  await expect(page.locator("#done")).toHaveText("2 done");
  await expect(page.locator("li")).toHaveCount(3);
});
