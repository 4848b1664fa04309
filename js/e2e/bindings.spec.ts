/** What each binding sends, and when. */
import type { Page } from "@playwright/test";
import { Peer, visit } from "./peer.ts";
import { expect, test } from "./fixtures.ts";

/** Loads a view and returns its server. */
async function live(page: Page, view: string): Promise<Peer> {
  const peer = new Peer();
  await visit(page, peer, view);
  return peer;
}

/** Waits until what was done so far has reached the server: a script's event passes all of it. */
async function arrived(page: Page, peer: Peer): Promise<unknown[]> {
  await page.evaluate(() => void (window as unknown as { livelong: { push(n: string): Promise<unknown> } }).livelong.push("Mark"));
  await expect.poll(() => peer.frames.some(([, name]) => name === "Mark")).toBe(true);
  return peer.take().filter((event) => (event as string[])[0] !== "Mark");
}

test("a click sends its event once, with the attribute's values and what the browser fills in", async ({ page }) => {
  const peer = await live(page, `<button name="which" value="v" style="border:0" live-click='Add;c=value,target,x,y {"By":3,"Of":"a b"}'>add</button>`);
  const button = page.getByRole("button");
  await button.click({ position: { x: 7, y: 9 } });
  await button.click();
  expect(await arrived(page, peer)).toEqual([["Add", { v: { By: 3, Of: "a b" }, c: { value: "v", target: "which", x: 7, y: 9 } }]]);
  peer.reply();
  await expect(button).not.toHaveClass(/live-pending/);
  await button.click({ modifiers: ["Control"] });
  await button.click({ button: "right" });
  expect(await arrived(page, peer)).toEqual([]);
});

test("a click away from an element, not one that only ends or begins there", async ({ page }) => {
  const peer = await live(
    page,
    `<div id="menu" live-click-away="Close" style="width:100px;height:100px"><p>menu</p></div><div live-click-away="Hidden" hidden>hidden</div>
<div live-click-away="Far" style="position:absolute;top:9000px">far</div><p id="out">outside</p>`,
  );
  await page.locator("#menu p").click();
  await page.locator("#menu p").hover();
  await page.mouse.down();
  await page.locator("#out").hover();
  await page.mouse.up();
  expect(await arrived(page, peer)).toEqual([]);
  await page.locator("#out").click();
  expect(await arrived(page, peer)).toEqual([["Close"]]);
});

test("a change on a form sends all of it and says which input, one on an input only that one", async ({ page }) => {
  const peer = await live(
    page,
    `<form id="f" live-change="Edit;c=target"><input name="user[name]" aria-label="Name"><input name="user[mail]" value="m" aria-label="Mail">
<input name="alone" aria-label="Alone" live-change="One;c=value"><input type="hidden" name="live-seal" value="x"></form>
<input form="f" name="outside" value="o" aria-label="Outside"><form live-change="Other"><input form="f" name="within" value="w" aria-label="Within"></form>`,
  );
  await page.getByLabel("Name").press("a");
  const rest = "user%5Bmail%5D=m&alone=&outside=o&within=w";
  expect(await arrived(page, peer)).toEqual([["Edit", { f: `user%5Bname%5D=a&${rest}`, c: { target: "user[name]" } }]]);
  await page.getByLabel("Alone").press("b");
  expect(await arrived(page, peer)).toEqual([["One", { f: "alone=b", c: { value: "b" } }]]);
  // A control belongs to the form that it names, wherever it stands.
  await page.getByLabel("Outside").press("End");
  await page.getByLabel("Outside").press("1");
  await page.getByLabel("Within").press("End");
  await page.getByLabel("Within").press("2");
  expect(await arrived(page, peer)).toEqual([
    ["Edit", { f: "user%5Bname%5D=a&user%5Bmail%5D=m&alone=b&outside=o1&within=w", c: { target: "outside" } }],
    ["Edit", { f: "user%5Bname%5D=a&user%5Bmail%5D=m&alone=b&outside=o1&within=w2", c: { target: "within" } }],
  ]);
});

test("what is disabled, by itself or by its fieldset, is not sent", async ({ page }) => {
  const peer = await live(
    page,
    `<form live-change="Edit"><input name="a" aria-label="A"><input name="b" value="1" disabled aria-label="B">
<fieldset disabled><input name="c" value="1" aria-label="C"></fieldset><input name="d" value="1" readonly aria-label="D"></form>`,
  );
  await page.getByLabel("A").press("x");
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "a=x&d=1" }]]);
});

test("a submit has its button's name and value, where the button stands", async ({ page }) => {
  const peer = await live(
    page,
    `<form live-submit="Save;c=submitter"><button name="do" value="first">first</button><input name="text" value="t" aria-label="Text">
<button name="do" value="second">second</button><input name="last" value="l" aria-label="Last"></form>`,
  );
  await page.getByRole("button", { name: "second" }).click();
  expect(await arrived(page, peer)).toEqual([["Save", { f: "text=t&do=second&last=l", c: { submitter: "do" } }]]);
  peer.reply();
  await page.getByLabel("Text").press("Enter"); // presses the first button
  expect(await arrived(page, peer)).toEqual([["Save", { f: "do=first&text=t&last=l", c: { submitter: "do" } }]]);
});

test("focus and blur, of elements and of the window, once each and without a delay", async ({ page }) => {
  const peer = await live(
    page,
    `<input aria-label="In" live-focus="In" live-blur="Out;d=5000"><div live-focus="Group" live-blur="Left"><button>one</button><button>two</button></div>
<p live-window-focus="Here" live-window-blur="Away">window</p>`,
  );
  await page.getByLabel("In").focus();
  await page.getByRole("button", { name: "one" }).focus();
  expect(await arrived(page, peer)).toEqual([["In"], ["Out"], ["Group"]]);
  await page.getByRole("button", { name: "two" }).focus(); // within the group
  expect(await arrived(page, peer)).toEqual([]);
  await page.getByRole("button", { name: "two" }).evaluate((el: HTMLElement) => el.blur());
  expect(await arrived(page, peer)).toEqual([["Left"]]);
  await page.evaluate(() => {
    dispatchEvent(new FocusEvent("blur"));
    dispatchEvent(new FocusEvent("focus"));
  });
  expect(await arrived(page, peer)).toEqual([["Away"], ["Here"]]);
});

test("keys, all of them or some, in an element or anywhere", async ({ page }) => {
  const peer = await live(
    page,
    `<input aria-label="All" live-keydown="Down;c=key,value" live-keyup="Up;c=key"><input aria-label="Some" live-keydown="Some;k=ESCAPE,Space;c=key">
<p live-window-keydown="Any;k=F2" live-window-keyup="Release;k=f2">window</p>`,
  );
  await page.getByLabel("All").press("a");
  expect(await arrived(page, peer)).toEqual([
    ["Down", { c: { key: "a", value: "" } }],
    ["Up", { c: { key: "a" } }],
  ]);
  for (const key of ["a", "Escape", "Enter", " "]) await page.getByLabel("Some").press(key);
  expect(await arrived(page, peer)).toEqual([
    ["Some", { c: { key: "Escape" } }],
    ["Some", { c: { key: " " } }],
  ]);
  await page.keyboard.press("F2");
  expect(await arrived(page, peer)).toEqual([["Any"], ["Release"]]);
  // Autofill makes key events that have no key.
  await page.getByLabel("All").evaluate((el) => el.dispatchEvent(Object.assign(new Event("keydown", { bubbles: true }))));
  expect(await arrived(page, peer)).toEqual([]);
});

test("debounce: one event after the pause; leaving, submitting and removing end the wait", async ({ page }) => {
  await page.clock.install();
  const peer = await live(
    page,
    `<form live-change="Edit;d=300;c=value" live-submit="Save"><input name="a" aria-label="A"><button>save</button></form>
<input name="b" aria-label="B" live-change="Left;d=blur"><p id="gone"><input name="c" aria-label="C" live-change="Gone;d=300"></p>`,
  );
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await page.getByLabel("A").pressSequentially("abcde");
  await page.clock.runFor(299);
  expect(await arrived(page, peer)).toEqual([]);
  await page.clock.runFor(1);
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "a=abcde", c: { value: "abcde" } }]]);
  await page.getByLabel("A").press("f");
  await page.getByLabel("B").pressSequentially("xy"); // A is left
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "a=abcdef", c: { value: "abcdef" } }]]);
  await page.clock.runFor(5_000);
  expect(await arrived(page, peer)).toEqual([]);
  await page.getByLabel("A").press("End");
  expect(await arrived(page, peer)).toEqual([["Left", { f: "b=xy" }]]);
  await page.getByLabel("A").press("g");
  await page.getByLabel("A").press("Enter");
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "a=abcdefg", c: { value: "abcdefg" } }], ["Save", { f: "a=abcdefg" }]]);
  await page.clock.runFor(5_000);
  expect(await arrived(page, peer)).toEqual([]);
  await page.getByLabel("C").press("z");
  peer.reply([[-2]]); // takes it away, and the focus with it
  await expect(page.locator("#gone")).toHaveCount(0);
  await page.clock.runFor(5_000);
  expect(await arrived(page, peer)).toEqual([]);
});

test("throttle: the first at once, then one per time and the last of them; of keys only repeats", async ({ page }) => {
  await page.clock.install();
  const peer = await live(page, `<div live-click="Click;t=300;c=x" style="width:99px;height:9px">click</div><input aria-label="Keys" live-keydown="Key;t=300;c=key">`);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  const click = async (x: number): Promise<void> => {
    await page.locator("[live-click]").click({ position: { x, y: 1 } });
    const sent = await arrived(page, peer);
    peer.reply();
    await expect(page.locator(".live-pending")).toHaveCount(0);
    got.push(...sent);
  };
  const got: unknown[] = [];
  for (const x of [1, 2, 3]) await click(x);
  expect(got.splice(0)).toEqual([["Click", { c: { x: 1 } }]]);
  await page.clock.runFor(300);
  expect(await arrived(page, peer)).toEqual([["Click", { c: { x: 3 } }]]);
  peer.reply();
  await page.clock.runFor(600);
  await page.getByLabel("Keys").focus();
  for (const key of ["a", "a", "b", "b", "a"]) await page.keyboard.press(key);
  expect(await arrived(page, peer)).toEqual([["Key", { c: { key: "a" } }], ["Key", { c: { key: "b" } }]]);
});

test("live-pending stands from the first of several events until the last is answered, on form and field", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit"><input name="a" aria-label="A"></form><button class="mine" live-click="Add">add</button>`);
  await page.getByLabel("A").press("x");
  await expect.poll(() => peer.events()).toEqual([[1, "Edit"]]);
  await page.getByLabel("A").press("y");
  await expect.poll(() => peer.events()).toEqual([[1, "Edit"], [2, "Edit"]]);
  await expect(page.locator("form")).toHaveClass("live-pending");
  await expect(page.getByLabel("A")).toHaveClass("live-pending");
  peer.send([1, []]);
  await page.getByRole("button").click();
  await expect(page.getByRole("button")).toHaveClass("mine live-pending");
  await expect(page.locator("form")).toHaveClass("live-pending");
  await expect.poll(() => peer.events().length).toBe(3);
  peer.send([2, []]);
  await expect(page.locator("form")).not.toHaveAttribute("class");
  await expect(page.getByLabel("A")).not.toHaveAttribute("class");
  await expect(page.getByRole("button")).toHaveClass("mine live-pending");
  peer.send([3, []]);
  await expect(page.getByRole("button")).toHaveClass("mine");
});

test("what a widget made in an element stays while the server changes that element, data attributes too", async ({ page }) => {
  const peer = await live(page, `<div id="w" class="a" data-x="1" data-y="2">server</div>`);
  await page.locator("#w").evaluate((el) => {
    el.append(document.createElement("canvas"));
    el.setAttribute("data-z", "mine");
    el.classList.add("mine");
  });
  peer.send([0, [0, { class: "b", "data-x": "3", "data-y": null }, 0, 0, "text"]]);
  await expect(page.locator("#w")).toHaveText("text");
  expect(await page.locator("#w").evaluate((el) => el.outerHTML)).toBe(`<div id="w" class="b mine" data-x="3" data-z="mine">text<canvas></canvas></div>`);
});

test("a number that is none yet is neither sent nor overwritten", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit" live-submit="Save" novalidate><input type="number" name="n" value="5" aria-label="N"><input name="a" aria-label="A"><button>save</button></form>`);
  const number = page.getByLabel("N");
  const bad = (): Promise<boolean> => number.evaluate((el: HTMLInputElement) => el.validity.badInput);
  await number.fill("");
  await number.pressSequentially("1e");
  expect(await bad()).toBe(true);
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "n=&a=" }], ["Edit", { f: "n=1&a=" }]]);
  await page.getByLabel("A").press("x"); // carries the whole form
  await arrived(page, peer);
  peer.reply([0, [0, { value: "7" }]]);
  await expect(number).toHaveAttribute("value", "7");
  expect(await bad()).toBe(true);
  await page.getByLabel("A").press("Enter");
  await arrived(page, peer);
  peer.reply();
  await expect(page.locator("form")).not.toHaveClass(/live-pending/);
  expect(await bad()).toBe(true);
  await number.press("End");
  await number.press("3");
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "n=1e3&a=" }]]);
});

test("a reset button gives the values back and sends one event that says so", async ({ page }) => {
  const peer = await live(page, `<form live-change="Edit;c=target"><input name="a" value="server" aria-label="A"><input type="checkbox" name="b" aria-label="B"><button type="reset">undo</button></form>`);
  await page.getByLabel("A").fill("mine");
  await page.getByLabel("B").check();
  await arrived(page, peer);
  peer.reply();
  await page.getByRole("button").click();
  await expect.poll(() => peer.events().length).toBe(1);
  expect(await arrived(page, peer)).toEqual([["Edit", { f: "a=server", c: { target: "[reset]" } }]]);
  await expect(page.getByLabel("A")).toHaveValue("server");
  // It is no edit of the user's: what the server says next is shown.
  peer.reply([0, [0, { value: "next" }]]);
  await expect(page.getByLabel("A")).toHaveValue("next");
});
