/** Who decides what a field shows: the user who is at it, or the server. */
import type { Dialog, Page } from "@playwright/test";
import { Peer, visit } from "./peer.ts";
import { expect, open, test } from "./fixtures.ts";

async function live(page: Page, view: string): Promise<Peer> {
  const peer = new Peer();
  await visit(page, peer, view);
  return peer;
}

test("a focused field keeps its text, and shows what the server makes of it when it is left", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit"><input name="a" value="server" aria-label="A" title="0"><textarea name="t" aria-label="T">server</textarea></form><p>0</p>`);
  const field = page.getByLabel("A");
  await field.fill("mine");
  await expect.poll(() => peer.events().length).toBe(1);
  peer.reply();
  peer.send([1, [0, [0, { value: "theirs", title: "1" }], 1, 0, "1"]]);
  await expect(field).toHaveAttribute("title", "1");
  await expect(field).toHaveValue("mine");
  await field.press("End");
  await field.press("!");
  await field.press(" ");
  await expect.poll(() => peer.events().length).toBe(3);
  peer.reply([0, [0, { value: "Mine!" }], 1, 0, "2"]); // as the server has it: without the space that is being typed
  await expect(page.locator("p")).toHaveText("2");
  await expect(field).toHaveValue("mine! ");
  expect(await field.evaluate((el: HTMLInputElement) => el.selectionStart)).toBe(6);
  await field.press("x");
  await expect.poll(() => peer.events().length).toBe(4);
  await page.getByLabel("T").focus(); // left, while the last of it is on its way
  await expect(field).toHaveValue("mine! x");
  peer.reply([0, [1, 0, "other"]]);
  await expect(field).toHaveValue("Mine!"); // the server has kept what it had
  await page.getByLabel("T").fill("mine");
  await expect.poll(() => peer.events().length).toBe(5);
  peer.reply([0, [1, 0, "Mine"], 1, 0, "3"]);
  await expect(page.locator("p")).toHaveText("3");
  await expect(page.getByLabel("T")).toHaveValue("mine");
  await field.focus();
  await expect(page.getByLabel("T")).toHaveValue("Mine");
});

test("what the server never set stays when the field is left", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit"><input name="a" aria-label="A" title="0"></form>`);
  await page.getByLabel("A").fill("mine");
  await expect.poll(() => peer.events().length).toBe(1);
  peer.reply([0, [0, { title: "1" }]]);
  await expect(page.getByLabel("A")).toHaveAttribute("title", "1");
  await page.getByLabel("A").evaluate((el) => el.blur());
  await expect(page.getByLabel("A")).toHaveValue("mine");
});

test("the server can set and clear a field that is focused, with and without a binding", async ({ page }) => {
  const peer = await live(page, `<input value="" aria-label="A" live-overwrite="0"><form live-submit="Save" live-overwrite="x"><textarea name="b" aria-label="B">start</textarea><input type="checkbox" aria-label="C"></form>`);
  await page.getByLabel("A").pressSequentially("typed");
  peer.send([0, [0, { "live-overwrite": "1" }]]);
  await expect(page.getByLabel("A")).toHaveValue("");
  await expect(page.getByLabel("A")).toBeFocused();
  await page.getByLabel("A").pressSequentially("again");
  peer.send([0, [0, { "live-overwrite": "2", value: "from the server" }]]);
  await expect(page.getByLabel("A")).toHaveValue("from the server");
  await page.getByLabel("C").check();
  await page.getByLabel("B").fill("mine");
  peer.send([0, [1, { "live-overwrite": "y" }]]);
  await expect(page.getByLabel("B")).toHaveValue("start");
  await expect(page.getByLabel("C")).not.toBeChecked();
  await expect(page.getByLabel("B")).toBeFocused();
});

test("what is typed after the event that makes the server overwrite it stays", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit" live-overwrite="0"><input name="a" value="" aria-label="A"></form><input value="" aria-label="B" live-overwrite="0"><button live-click="Clear">clear</button>`);
  await page.getByLabel("A").fill("old");
  await page.getByLabel("B").fill("old");
  await page.getByRole("button").click();
  await expect.poll(() => peer.events().length).toBe(2);
  await page.getByLabel("A").fill("new");
  await expect.poll(() => peer.events().length).toBe(3);
  peer.send([2, [0, { "live-overwrite": "1" }, 1, { "live-overwrite": "1" }]]);
  await expect(page.getByLabel("B")).toHaveValue("");
  await expect(page.getByLabel("A")).toHaveValue("new");
  await page.getByRole("button").click();
  await page.getByLabel("B").fill("new");
  await expect.poll(() => peer.events().length).toBe(4);
  peer.send([4, [0, { "live-overwrite": "2" }, 1, { "live-overwrite": "2" }]]);
  await expect(page.getByLabel("A")).toHaveValue("");
  await expect(page.getByLabel("B")).toHaveValue("new");
});

test("a fresh instance, which counts from the beginning, overwrites nothing", async ({ page }) => {
  const view = (n: number): string => `<input value="" aria-label="A" live-overwrite="${n}">`;
  const peer = await live(page, view(3));
  await page.getByLabel("A").fill("typed");
  peer.answer = () => [0, [], { join: { how: "mount", secret: "s2" }, html: view(0) }];
  await peer.socket.close({ code: 1001 });
  await expect(page.getByLabel("A")).toHaveAttribute("live-overwrite", "0");
  await expect(page.getByLabel("A")).toHaveValue("typed");
});

test("a fresh instance is told what was entered by the event for that, or not at all, and all of it stays", async ({ page }) => {
  const view = `<form live-change="Edit" live-recover='Again {"N":1}'><input name="a" aria-label="A"></form><form live-change="Edit" live-recover=""><input name="b" aria-label="B"></form>
<input name="c" aria-label="C" live-change="One"><form><input name="d" aria-label="D"><input type="file" aria-label="F"></form>`;
  const peer = await live(page, view);
  for (const name of ["A", "B", "C", "D"]) await page.getByLabel(name).fill(name.toLowerCase());
  await page.getByLabel("F").setInputFiles({ name: "f.txt", mimeType: "text/plain", buffer: Buffer.from("f") });
  await expect.poll(() => peer.events().length).toBe(3);
  peer.reply();
  peer.frames.length = 0;
  peer.answer = () => [0, [], { join: { how: "mount", secret: "s2" }, html: view }];
  await peer.socket.close({ code: 1001 });
  await expect.poll(() => peer.frames.filter((f) => f.length > 1)).toEqual([[4, "Again", { v: { N: 1 }, f: "a=a" }], [5, "One", { f: "c=c" }]]);
  for (const name of ["A", "B", "C", "D"]) await expect(page.getByLabel(name)).toHaveValue(name.toLowerCase());
  expect(await page.getByLabel("F").evaluate((el: HTMLInputElement) => el.files![0]!.name)).toBe("f.txt");
});

test("a page with edits is left only by who says so", async ({ page }) => {
  const view = `<form live-submit="Save" live-change="Edit" live-guard="Discard your changes?"><input name="a" value="" aria-label="A"></form><a live-link href="/other">other</a>`;
  const asked: string[] = [];
  let answer: "accept" | "dismiss" = "dismiss";
  page.on("dialog", (dialog: Dialog) => {
    asked.push(`${dialog.type()} ${dialog.message()}`);
    void dialog[answer]();
  });
  const peer = await live(page, view);
  const link = page.getByRole("link");
  await link.click(); // nothing was edited
  await expect.poll(() => peer.take()).toEqual([["/", { v: { to: "/other", mode: "push" } }]]);
  peer.reply();
  await page.getByLabel("A").fill("mine");
  await expect.poll(() => peer.take()).toEqual([["Edit", { f: "a=mine" }]]);
  await link.click();
  await expect.poll(() => asked).toEqual(["confirm Discard your changes?"]);
  expect(page.url()).toBe("http://live.test/page");
  await expect(page.getByLabel("A")).toHaveValue("mine");
  // Leaving the document: the browser asks in its own words.
  await page.evaluate(() => location.assign("/elsewhere"));
  await expect.poll(() => asked.splice(0).map((text) => text.split(" ")[0])).toEqual(["confirm", "beforeunload"]);
  expect(page.url()).toBe("http://live.test/page");
  await expect(page.getByLabel("A")).toHaveValue("mine");
  expect(peer.take()).toEqual([]);
  // Saved: nobody is asked.
  await page.getByLabel("A").press("Enter");
  await expect.poll(() => peer.take()).toEqual([["Save", { f: "a=mine" }]]);
  peer.reply([0, [0, { value: "mine" }]]);
  await expect(page.locator("form")).not.toHaveClass(/live-pending/);
  await link.click();
  await expect.poll(() => peer.take()).toEqual([["/", { v: { to: "/other", mode: "push" } }]]);
  expect(asked).toEqual([]);
  peer.reply();
  // The view knows better, and the user agrees.
  peer.send([4, [0, { "live-dirty": "" }]]);
  await expect(page.locator("form")).toHaveAttribute("live-dirty");
  answer = "accept";
  await link.click();
  await expect.poll(() => peer.take()).toEqual([["/", { v: { to: "/other", mode: "push" } }]]);
  expect(asked).toEqual(["confirm Discard your changes?"]);
});

test("a form that the view has checked is sent by the browser, once, with the button that was pressed", async ({ page }) => {
  const bodies: (string | null)[] = [];
  const peer = await live(page, `<form live-submit="Check" live-guard="Stay?" method="post" action="/login"><input name="user" value="" aria-label="User"><button name="do" value="in">in</button><button name="do" value="up">up</button></form>`);
  await page.route("http://live.test/login", (route) => {
    bodies.push(route.request().postData());
    return route.fulfill({ contentType: "text/html", body: "<title>in</title><link rel=icon href=data:,>" });
  });
  await page.getByLabel("User").fill("ann");
  await page.getByRole("button", { name: "up" }).click();
  await expect.poll(() => peer.take()).toEqual([["Check", { f: "user=ann&do=up" }]]);
  peer.reply([0, [1, { class: "bad" }]]); // not yet
  await expect(page.locator("form")).not.toHaveClass(/live-pending/);
  await page.getByLabel("User").fill("ann");
  await page.getByRole("button", { name: "up" }).click();
  await expect.poll(() => peer.take().length).toBe(1);
  peer.reply([0, { "live-native": "" }]);
  await page.waitForURL("http://live.test/login");
  expect(bodies).toEqual(["user=ann&do=up"]);
});

test("a composition goes on while the server changes the field (Chromium)", async ({ page, browserName }) => {
  test.skip(browserName !== "chromium", "input methods are driven through Chromium's protocol");
  const peer = await live(page, `<form live-change="Edit"><input name="a" value="" aria-label="A"></form><p>0</p>`);
  const field = page.getByLabel("A");
  await field.focus();
  await page.evaluate(() => {
    const seen: string[] = [];
    for (const type of ["compositionstart", "compositionend"]) document.addEventListener(type, (event) => seen.push(`${type} ${(event as CompositionEvent).data}`));
    Object.assign(window, { seen });
  });
  const ime = await page.context().newCDPSession(page);
  const compose = (text: string): Promise<unknown> => ime.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  await compose("k");
  await compose("か");
  await expect.poll(() => peer.events().length).toBe(2);
  peer.reply([0, [0, { value: "か!" }], 1, 0, "1"]);
  await expect(page.locator("p")).toHaveText("1");
  await expect(field).toHaveValue("か");
  await compose("かn");
  peer.send([2, [0, [0, { value: "theirs" }], 1, 0, "2"]]);
  await expect(page.locator("p")).toHaveText("2");
  await compose("かんじ");
  await ime.send("Input.insertText", { text: "漢字" });
  await expect(field).toHaveValue("漢字");
  expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(["compositionstart ", "compositionend 漢字"]);
  await expect.poll(() => peer.frames.at(-1)).toMatchObject([expect.any(Number), "Edit", { f: `a=${encodeURIComponent("漢字")}` }]);
  peer.reply([0, [0, { value: "漢字。" }]]);
  await expect(field).toHaveAttribute("value", "漢字。");
  await field.evaluate((el) => el.blur());
  await expect(field).toHaveValue("漢字。");
});

test("what is too large to send is said so, and stays to be made smaller", async ({ page, site }) => {
  await open(page, `${site.url}/forms`);
  const field = page.locator("#typed");
  const large = "x".repeat(200_000);
  await field.fill(large);
  await expect(page.getByRole("alert")).toContainText("too large to send");
  await page.locator("[data-live].live-connected").waitFor();
  await expect(field).toHaveValue(large);
  await expect(page.locator(".live-pending")).toHaveCount(0);
  await field.fill("small");
  await expect(page.locator("#echo")).toHaveText("small");
});
