/** The server ends while somebody uses the page. What was shown as saved is there afterwards. */
import type { Page } from "@playwright/test";
import { hold } from "./disk.ts";
import { type Home, expect, open, saved, test } from "./fixtures.ts";
import { randoms } from "./random.ts";
import { marks, record } from "./recorder.ts";

const ROUNDS = 10;

/** A click that leaves the focus where it is. */
const click = (page: Page, name: string): Promise<void> => page.getByRole("button", { name }).evaluate((el: HTMLElement) => el.click());

/** What a visit of the same browser finds. */
async function found(page: Page, home: Home): Promise<number> {
  const answer = await page.request.get(home.direct);
  return Number(/>(-?\d+)<\/output>/.exec(await answer.text())![1]);
}

test("the server is killed ten times while the user types and clicks", async ({ page, home }) => {
  test.setTimeout(180_000);
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const random = randoms(seed);
  const at = await home("counter");
  const shown = await record(page, ".here");
  await open(page, at.url);
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  const note = page.getByLabel("A note");
  await note.focus();
  // The user's side: what is typed is where it was typed, whatever the server does.
  let [text, caret, clicks, taps] = ["", 0, 0, 0];
  async function act(): Promise<void> {
    const what = random(10);
    if (what < 5) {
      const letter = String.fromCharCode(97 + random(26));
      await page.keyboard.type(letter);
      text = text.slice(0, caret) + letter + text.slice(caret);
      caret++;
    } else if (what < 6 && caret > 0) {
      await page.keyboard.press("ArrowLeft");
      caret--;
    } else if (what < 8) {
      await click(page, "Add one");
      clicks++;
    } else {
      await click(page, "Only on this page");
      taps++;
    }
  }
  await click(page, "Add one");
  clicks++;
  await expect(page.locator("output")).toHaveText("1");
  await saved(page);
  let saves = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = Math.floor(random(12));
    for (let i = 0; i < before; i++) await act();
    // Some time after an action has begun: before it, in it, before its answer, before that is saved, after all of it.
    const [action, turns] = [act(), random(400)];
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([action, at.end("SIGKILL")]);
    for (let i = Math.floor(random(4)); i > 0; i--) await act();
    await at.start();
    await expect(page.locator("[data-live-flash]")).toContainText("Nothing is lost.", { timeout: 20_000 });
    await expect(note).toHaveValue(text);
    await expect(note).toBeFocused();
    expect(await note.evaluate((el: HTMLInputElement) => [el.selectionStart, el.selectionEnd])).toEqual([caret, caret]);
    await expect(page.getByText(`${text.length} characters on the server`)).toBeVisible();
    await saved(page);
    // What was ever shown as saved is shown from then on.
    let [count, own] = [0, 0];
    const all = await shown();
    for (const s of all) {
      expect(s.count, `round ${round}: ${JSON.stringify(all)}`).toBeGreaterThanOrEqual(count);
      expect(Number(s.own), `round ${round}: ${JSON.stringify(all)}`).toBeGreaterThanOrEqual(own);
      if (s.marks.includes("saved")) [count, own] = [Math.max(count, s.count), Math.max(own, Number(s.own))];
    }
    saves = all.filter((s) => s.marks.includes("saved")).length;
    expect(count).toBeLessThanOrEqual(clicks);
    expect(own).toBeLessThanOrEqual(taps);
    expect(await found(page, at), "another visit").toBe(count);
    await page.evaluate(() => document.querySelector("[data-live-flash]")!.replaceChildren());
  }
  expect(loads).toBe(0);
  expect(marks(await shown()).filter((mark) => mark !== "saved" && mark !== "saving")).toEqual([""]);
  console.log(`${clicks} + ${taps} clicks, ${text.length} letters, ${saves} times saved, ${await found(page, at)} counted`);
});

test("what debouncing holds back while a click is saved survives the server", async ({ page, home }) => {
  const at = await home("counter");
  await page.clock.install();
  await open(page, at.url);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await page.getByLabel("A note").pressSequentially("held back");
  await click(page, "Add one");
  await expect(page.locator("output")).toHaveText("1");
  await saved(page);
  await expect(page.getByText("0 characters on the server")).toBeVisible();
  await at.end("SIGKILL");
  await page.locator("[data-live].live-disconnected").waitFor();
  await page.clock.runFor(1_000); // the note's event is made, and cannot be sent
  await at.start();
  await page.clock.resume();
  await expect(page.getByText("9 characters on the server")).toBeVisible();
  await expect(page.getByLabel("A note")).toHaveValue("held back");
  await saved(page);
});

test("the button kills the server, and nothing is lost", async ({ page, counter, errors }) => {
  errors.allow("WebSocket connection");
  errors.allow("ERR_CONNECTION_");
  await open(page, counter.url);
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  await page.getByRole("button", { name: "Add one" }).click();
  await page.getByRole("button", { name: "Only on this page" }).click();
  await expect(page.locator(".here")).toHaveText("1");
  await page.getByLabel("A note").fill("hello");
  await expect(page.getByText("5 characters on the server")).toBeVisible();
  await saved(page);
  await page.getByRole("button", { name: "Kill the server" }).click();
  await expect(page.locator("[data-live-flash]")).toContainText("The server was started again. Nothing is lost.", { timeout: 20_000 });
  await expect(page.locator("output")).toHaveText("1");
  await expect(page.locator(".here")).toHaveText("1");
  await expect(page.getByLabel("A note")).toHaveValue("hello");
  await expect(page.getByRole("button", { name: "Kill the server" })).toBeEnabled();
  expect(loads).toBe(0);
});

test("stopped right after a burst of clicks: every click that was answered is stored", async ({ page, home }) => {
  const at = await home("counter");
  const shown = await record(page, ".here");
  await open(page, at.url);
  await page.evaluate(async () => {
    // As fast as answers come: a second click before the answer would be ignored.
    const [add, here] = ["Add one", "Only on this page"].map((name) =>
      [...document.querySelectorAll("button")].find((el) => (el.ariaLabel ?? el.textContent)!.startsWith(name)),
    );
    const timer = setInterval(() => {
      add!.click();
      here!.click();
    });
    Object.assign(window, { timer });
  });
  await expect.poll(async () => Number(await page.locator("output").textContent())).toBeGreaterThan(20);
  const began = Date.now();
  const code = await at.end("SIGTERM");
  const took = Date.now() - began;
  await page.evaluate(() => clearInterval((window as unknown as { timer: number }).timer));
  expect(code).toBe(0);
  expect(took).toBeLessThan(20_000);
  const last = (await shown()).at(-1)!;
  console.log(`stopped within ${took} ms of ${last.count} clicks`);
  await at.start();
  const count = await found(page, at);
  expect(count).toBeGreaterThanOrEqual(last.count);
  // The clicks made since wait in the page, and are none of the server's.
  await page.locator("[data-live].live-connected").waitFor();
  await saved(page);
  expect(Number(await page.locator("output").textContent())).toBeGreaterThanOrEqual(last.count);
  expect(Number(await page.locator(".here").textContent())).toBeGreaterThanOrEqual(Number(last.own));
});

test("stopped while the disk keeps it waiting: it goes when all is stored", async ({ page, home }) => {
  const at = await home("counter");
  await open(page, at.url);
  await click(page, "Add one");
  await saved(page);
  const release = await hold(at);
  for (let i = 2; i <= 10; i++) {
    await click(page, "Add one");
    await expect(page.locator("output")).toHaveText(String(i));
  }
  await click(page, "Only on this page");
  await expect(page.locator(".here")).toHaveText("1");
  await expect(page.locator("[data-live]")).toHaveClass(/live-saving/);
  const ended = at.end("SIGTERM");
  await page.locator("[data-live].live-disconnected").waitFor();
  await release();
  expect(await ended).toBe(0);
  await at.start();
  await page.locator("[data-live].live-connected").waitFor();
  await saved(page);
  await expect(page.locator("output")).toHaveText("10");
  await expect(page.locator(".here")).toHaveText("1");
  expect(await found(page, at)).toBe(10);
});
