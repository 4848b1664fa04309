/** Selects: what the user has chosen, and what the server makes of the options meanwhile. */
import type { Page } from "@playwright/test";
import { Peer, visit } from "./peer.ts";
import { expect, test } from "./fixtures.ts";

async function live(page: Page, view: string): Promise<Peer> {
  const peer = new Peer();
  await visit(page, peer, view);
  return peer;
}

const chosen = (page: Page): Promise<string[]> => page.locator("select").first().evaluate((el: HTMLSelectElement) => [...el.selectedOptions].map((o) => o.value));
const options = (...values: string[]): string => values.map((v) => `<option${v.startsWith("*") ? " selected" : ""}>${v.replace("*", "")}</option>`).join("");

test("a select that nobody has touched follows the server, also a focused one", async ({ page }) => {
  const peer = await live(page, `<select aria-label="S">${options("a", "*b", "c")}</select>`);
  await page.getByLabel("S").focus();
  peer.send([0, [0, [1, { selected: null }, 2, { selected: "" }]]]);
  await expect.poll(() => chosen(page)).toEqual(["c"]);
  peer.send([0, [0, [[options("x", "*y")]]]]);
  await expect.poll(() => chosen(page)).toEqual(["y"]);
});

test("a choice the server does not know of stays, whatever happens to the options around it", async ({ page }) => {
  const peer = await live(page, `<select aria-label="S">${options("a", "b", "c")}</select><p>0</p>`);
  await page.getByLabel("S").selectOption("b");
  // Other options in the same places, as a diff without keys has it.
  peer.send([0, [0, [[-3, "<option>c</option>"], 0, 0, "new", 1, 0, "a", 2, 0, "b"], 1, 0, "1"]]);
  await expect(page.locator("p")).toHaveText("1");
  expect(await chosen(page)).toEqual(["b"]);
  // All of them new, the first one selected by the server, as it was before.
  peer.send([0, [0, [[options("b", "z")]], 1, 0, "2"]]);
  await expect(page.locator("p")).toHaveText("2");
  expect(await chosen(page)).toEqual(["b"]);
  // It is no more among them.
  peer.send([0, [0, [[options("y", "z")]], 1, 0, "3"]]);
  await expect(page.locator("p")).toHaveText("3");
  expect(await chosen(page)).toEqual(["y"]);
});

test("a choice on its way is not taken back by an older answer, nor by somebody else's update", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit"><select name="s" aria-label="S">${options("*a", "b", "c")}</select><p>0</p></form>`);
  const select = page.getByLabel("S");
  await select.selectOption("b");
  await select.selectOption("c");
  await expect.poll(() => peer.events().length).toBe(2);
  peer.send([1, [0, [0, [0, { selected: null }, 1, { selected: "" }], 1, 0, "1"]]]);
  await expect(page.locator("p")).toHaveText("1");
  expect(await chosen(page)).toEqual(["c"]);
  peer.send([2, [0, [0, [1, { selected: null }, 2, { selected: "" }], 1, 0, "2"]]]);
  await expect(page.locator("p")).toHaveText("2");
  expect(await chosen(page)).toEqual(["c"]);
  // Another tab has chosen: while the user is at it, that waits.
  await select.focus();
  peer.send([2, [0, [0, [2, { selected: null }, 0, { selected: "" }], 1, 0, "3"]]]);
  await expect(page.locator("p")).toHaveText("3");
  expect(await chosen(page)).toEqual(["c"]);
  await select.evaluate((el) => el.blur());
  await expect.poll(() => chosen(page)).toEqual(["a"]);
  peer.send([2, [0, [0, [0, { selected: null }, 1, { selected: "" }], 1, 0, "4"]]]);
  await expect(page.locator("p")).toHaveText("4");
  expect(await chosen(page)).toEqual(["b"]);
});

test("a select that depends on another one has the server's choice", async ({ page }) => {
  const peer = await live(
    page,
    `<form live-change="Edit" live-submit="Save"><select name="city" aria-label="City">${options("*-", "Bonn", "Ulm")}</select><select name="country" aria-label="Country">${options("*de", "fr")}</select><button>save</button></form>`,
  );
  await page.getByLabel("City").selectOption("Ulm");
  await expect.poll(() => peer.events().length).toBe(1);
  peer.reply([0, [0, [0, { selected: null }, 2, { selected: "" }]]]);
  await page.getByLabel("Country").selectOption("fr");
  await expect.poll(() => peer.events().length).toBe(2);
  peer.reply([0, [0, [[options("*-", "Nice", "Ulm")]], 1, [0, { selected: null }, 1, { selected: "" }]]]);
  await expect.poll(() => chosen(page)).toEqual(["-"]);
  await page.getByLabel("City").selectOption("Nice");
  await expect.poll(() => peer.events().length).toBe(3);
  await page.getByRole("button").click();
  await expect.poll(() => peer.events().length).toBe(4);
  peer.reply(); // saved, and rendered as it was
  await expect.poll(() => chosen(page)).toEqual(["-"]);
});

test("several choices, focused or not", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit"><select multiple name="s" aria-label="S">${options("*a", "b", "c")}</select><p>0</p></form>`);
  const select = page.getByLabel("S");
  await select.focus();
  await select.selectOption(["b", "c"]);
  await expect.poll(() => peer.frames.filter((frame) => frame.length > 1)).toEqual([[1, "Edit", { f: "s=b&s=c" }]]);
  peer.send([0, [0, [0, [[0, "<option>x</option>", 1, 2]], 1, 0, "1"]]]); // not the answer yet
  await expect(page.locator("p")).toHaveText("1");
  expect(await chosen(page)).toEqual(["b", "c"]);
  peer.reply([0, [0, [0, { selected: null }, 2, { selected: "" }, 3, { selected: "" }], 1, 0, "2"]]);
  await expect(page.locator("p")).toHaveText("2");
  expect(await chosen(page)).toEqual(["b", "c"]);
  await page.evaluate(() => void (window as unknown as { livelong: { push(n: string): Promise<unknown> } }).livelong.push("Clear"));
  await expect.poll(() => peer.events().length).toBe(2);
  peer.reply([0, [0, [2, { selected: null }, 3, { selected: null }], 1, 0, "3"]]);
  await expect(page.locator("p")).toHaveText("3");
  expect(await chosen(page)).toEqual(["b", "c"]);
  await select.evaluate((el) => el.blur());
  await expect.poll(() => chosen(page)).toEqual([]);
});
