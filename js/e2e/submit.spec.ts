/** What a form looks like between its submit and the answer, and afterwards. */
import type { Page } from "@playwright/test";
import { Peer, visit } from "./peer.ts";
import { expect, test } from "./fixtures.ts";

const FORM = `<form live-submit="Save"><input name="a" value="1" aria-label="A"><input name="r" value="2" readonly aria-label="R">
<button id="save" live-busy="Saving…"><svg width="9" height="9"><title>disk</title></svg> Save <b>now</b></button>
<button id="off" name="do" value="off" disabled>off</button><input id="image" type="submit" value="Other"><button id="plain" type="button">plain</button></form>`;

async function submitted(page: Page): Promise<Peer> {
  const peer = new Peer();
  await visit(page, peer, FORM);
  await page.evaluate(() => {
    const trail: string[] = [];
    const note = (records: MutationRecord[]): void => {
      for (const { target, attributeName } of records) trail.push(`${(target as Element).id || (target as Element).getAttribute("name")} ${attributeName} ${(target as Element).hasAttribute(attributeName!)}`);
    };
    const observer = new MutationObserver(note);
    observer.observe(document.querySelector("form")!, { subtree: true, attributes: true, attributeFilter: ["disabled", "readonly"] });
    const nodes = [...document.querySelector("#save")!.childNodes];
    Object.assign(window, {
      trail: () => (note(observer.takeRecords()), trail.splice(0)),
      same: () => {
        const now = [...document.querySelector("#save")!.childNodes];
        return now.length === nodes.length && now.every((node, i) => node === nodes[i]);
      },
    });
  });
  return peer;
}

const trail = (page: Page): Promise<string[]> => page.evaluate(() => (window as unknown as { trail(): string[] }).trail());
const same = (page: Page): Promise<boolean> => page.evaluate(() => (window as unknown as { same(): boolean }).same());

test("the buttons wait for the answer, and are what they were, twice", async ({ page }) => {
  const peer = await submitted(page);
  const before = await page.locator("form").innerHTML();
  for (let n = 1; n <= 2; n++) {
    await page.locator("#save").click();
    await expect(page.locator("#save")).toHaveText("Saving…");
    await expect(page.locator("#save")).toBeDisabled();
    await expect(page.locator("#image")).toBeDisabled();
    await expect(page.locator("#plain")).toBeEnabled();
    await expect.poll(() => peer.events().length).toBe(n);
    expect(await trail(page)).toEqual(["save disabled true", "image disabled true"]);
    peer.reply();
    await expect(page.locator("#save")).toBeEnabled();
    expect(await trail(page)).toEqual(["save disabled false", "image disabled false"]);
    expect(await same(page)).toBe(true);
    expect(await page.locator("form").innerHTML()).toBe(before);
    await expect(page.getByLabel("R")).toHaveAttribute("readonly");
    await expect(page.locator("#off")).toBeDisabled();
    await expect(page.locator("#save")).toBeFocused();
  }
});

test("a patch between submit and answer changes the buttons as the server has them", async ({ page }) => {
  const peer = await submitted(page);
  await page.locator("#save").click();
  await expect.poll(() => peer.events().length).toBe(1);
  // Another text in the button, another label; the other one is disabled by the server, the third one no more.
  peer.send([0, [0, [3, [2, 0, "then"], 3, { "live-busy": "Wait…" }, 5, { disabled: null }, 6, { disabled: "" }]]]);
  await expect(page.locator("#save")).toHaveText("Wait…");
  await expect(page.locator("#off")).toBeDisabled();
  await expect(page.locator("#image")).toBeDisabled();
  peer.reply();
  await expect(page.locator("#save")).toBeEnabled();
  expect(await same(page)).toBe(true);
  await expect(page.locator("#save")).toContainText("Save then");
  await expect(page.locator("#off")).toBeEnabled();
  await expect(page.locator("#image")).toBeDisabled();
});

test("a form sent with Enter keeps the focus where it is, and a click on another element takes it along", async ({ page }) => {
  const peer = await submitted(page);
  await page.getByLabel("A").press("Enter");
  await expect(page.locator("#save")).toHaveText("Saving…");
  await expect.poll(() => peer.events().length).toBe(1);
  peer.reply();
  await expect(page.locator("#save")).toBeEnabled();
  await expect(page.getByLabel("A")).toBeFocused();
  await page.locator("#save").click();
  await expect(page.locator("#save")).toBeDisabled();
  await page.getByLabel("A").focus();
  await expect.poll(() => peer.events().length).toBe(2);
  peer.reply();
  await expect(page.locator("#save")).toBeEnabled();
  await expect(page.getByLabel("A")).toBeFocused();
});

test("buttons of a lost submit are back once a fresh instance runs", async ({ page }) => {
  const peer = await submitted(page);
  await page.locator("#save").click();
  await expect.poll(() => peer.events().length).toBe(1);
  peer.answer = () => [0, [], { join: { how: "mount", secret: "s2" }, html: FORM }];
  await peer.socket.close({ code: 1001 });
  await expect(page.locator("#save")).toBeEnabled();
  expect(await same(page)).toBe(true);
});

test("a button with a click binding can say that it is busy, too", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer, `<button live-click="Load" live-busy="Loading…"><i>↓</i> Load</button>`);
  const button = page.getByRole("button");
  await button.click();
  await expect(button).toHaveText("Loading…");
  await expect(button).toBeDisabled();
  await expect.poll(() => peer.events().length).toBe(1);
  peer.reply();
  await expect(button).toBeEnabled();
  expect(await button.innerHTML()).toBe("<i>↓</i> Load");
});

test("three times Enter submit once, and after the answer again", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer, `<form live-submit="Save"><input name="a" aria-label="A"></form>`); // without a button to disable
  await page.getByLabel("A").fill("x");
  for (let i = 0; i < 3; i++) await page.getByLabel("A").press("Enter");
  await page.evaluate(() => void (window as unknown as { livelong: { push(n: string): Promise<unknown> } }).livelong.push("Mark"));
  await expect.poll(() => peer.events()).toEqual([[1, "Save"], [2, "Mark"]]);
  peer.reply();
  await expect(page.getByLabel("A")).toHaveValue("");
  await page.getByLabel("A").press("Enter");
  await expect.poll(() => peer.events()).toEqual([[1, "Save"], [2, "Mark"], [3, "Save"]]);
});

test("a form without a binding is the browser's, and so is one in a dialog that only closes it", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer, `<dialog id="d"><form method="dialog"><button>close</button></form></dialog><form action="/plain" live-change="Edit"><input name="q" value="1" aria-label="Q"><button>go</button></form>`);
  await page.locator("#d").evaluate((el: HTMLDialogElement) => el.showModal());
  await page.getByRole("button", { name: "close" }).click();
  await expect(page.locator("#d")).toBeHidden();
  expect(page.url()).toBe("http://live.test/page");
  await page.getByRole("button", { name: "go" }).click();
  await page.waitForURL("http://live.test/plain?q=1");
});
