/** How the client keeps a page alive over lost connections. The server's side is played here, frame by frame. */
import type { Page } from "@playwright/test";
import { Peer, visit as visitView } from "./peer.ts";
import { cut, expect, look, open, test, watchStatus } from "./fixtures.ts";

const VIEW = `<p id="n">0</p><button id="add" live-click="Add">add</button><button id="other" live-click="Other">other</button>
<form live-submit="Save" live-change="Edit;d=50"><input name="note" aria-label="Note"></form>`;

const visit = (page: Page, peer: Peer, statusDelay?: number): Promise<void> => visitView(page, peer, VIEW, statusDelay);

test("the first join names token and tag; a later one resumes with the secret and sends what was not received", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  expect(peer.joins).toEqual([[1, "TOKEN", { tag: "00c0ffee00c0ffee" }]]);
  await page.locator("#add").click();
  await page.locator("#other").click();
  await expect.poll(() => peer.events()).toEqual([[1, "Add"], [2, "Other"]]);
  peer.send([1, [0, 0, "1"]]);
  await expect(page.locator("#n")).toHaveText("1");
  peer.frames.length = 0;
  peer.answer = () => [1, [], { join: { how: "resume", secret: "s2", n: 1 } }];
  await peer.socket.close({ code: 1001 });
  await expect.poll(() => peer.events()).toEqual([[2, "Other"]]);
  expect(peer.joins[1]).toEqual([1, "TOKEN", { secret: "s1", k: 1, n: 2 }]);
});

test("on a fresh instance unanswered events are dropped, numbers go on, and edits are told again", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  await page.locator("#add").click();
  await page.getByLabel("Note").fill("mine");
  await expect.poll(() => peer.events()).toEqual([[1, "Add"], [2, "Edit"]]);
  await expect(page.locator("#add")).toHaveClass("live-pending");
  peer.frames.length = 0;
  peer.answer = () => [0, [], { join: { how: "mount", secret: "s2" }, html: VIEW.replace(">0<", ">7<") }];
  await peer.socket.close({ code: 1001 });
  await expect(page.locator("#n")).toHaveText("7");
  await expect(page.getByLabel("Note")).toHaveValue("mine");
  await expect(page.locator("#add")).not.toHaveClass(/live-pending/);
  await expect.poll(() => peer.frames.filter(([n]) => n === 3)).toEqual([[3, "Edit", { f: "note=mine" }]]);
  peer.frames.length = 0;
  await page.locator("#add").click();
  await expect.poll(() => peer.events()).toEqual([[4, "Add"]]);
});

test("a second click before the answer is ignored, a click after it counts", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  await page.locator("#add").dblclick();
  await expect(page.locator("#add")).toHaveClass("live-pending");
  await expect.poll(() => peer.events()).toEqual([[1, "Add"]]);
  peer.send([1, []]);
  await expect(page.locator("#add")).not.toHaveAttribute("class");
  await page.locator("#add").click();
  await expect.poll(() => peer.events()).toEqual([[1, "Add"], [2, "Add"]]);
});

test("a submit sends what debouncing holds back first, and clears the field when it is answered", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  await page.getByLabel("Note").fill("hello");
  await page.getByLabel("Note").press("Enter");
  await expect.poll(() => peer.events()).toEqual([[1, "Edit"], [2, "Save"]]);
  peer.send([1, []]);
  await expect(page.getByLabel("Note")).toHaveValue("hello");
  peer.send([2, []]);
  await expect(page.getByLabel("Note")).toHaveValue("");
  await expect(page.getByLabel("Note")).toBeFocused();
});

test("a refused submit is shown and keeps what was typed", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  await page.getByLabel("Note").fill("hello");
  await page.getByLabel("Note").press("Enter");
  await expect.poll(() => peer.events().length).toBe(2);
  peer.send([2, [], { error: [[2, "No."]] }]);
  await expect(page.getByRole("alert")).toContainText("No.");
  await expect(page.getByLabel("Note")).toHaveValue("hello");
});

test("the status is told only after a while, and taken back", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  const status = page.locator("[data-live-status]");
  await expect(status).toHaveAttribute("role", "status");
  peer.answer = () => null;
  await peer.socket.close({ code: 1001 });
  await page.locator("[data-live].live-disconnected").waitFor();
  await expect(status).toContainText("Connection lost");
  await expect.poll(() => peer.joins.length).toBe(2);
  peer.send([0, [], { join: { how: "resume", secret: "s2" } }]);
  await page.locator("[data-live].live-connected").waitFor();
  await expect(status).toBeEmpty();
  expect(await page.locator("[data-live]").getAttribute("class")).toBe("live-connected");
});

test("reloading and leaving say nothing, even where a loss is told at once", async ({ page }) => {
  const peer = new Peer();
  const said = await watchStatus(page);
  await page.exposeFunction("lost", () => said.push("disconnected"));
  await page.addInitScript(() => addEventListener("live:disconnected", () => (window as unknown as { lost(): void }).lost()));
  await visit(page, peer, 0);
  for (let i = 0; i < 20; i++) {
    await page.reload();
    await page.locator("[data-live].live-connected").waitFor();
  }
  await page.goto("about:blank");
  expect(said).toEqual([]);
});

test("a page that is being left says nothing of its socket's end, one that stays after all does", async ({ page }) => {
  const peer = new Peer();
  const said = await watchStatus(page);
  await page.clock.install();
  await visit(page, peer, 0);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  // As in browsers that close sockets before the page is gone: a slow server keeps it in view for a while.
  await page.evaluate(() => dispatchEvent(new Event("beforeunload")));
  peer.answer = () => null;
  await peer.socket.close({ code: 1001 });
  await expect
    .poll(async () => {
      await page.clock.runFor(10);
      return peer.joins.length;
    })
    .toBe(2);
  await expect(page.locator("[data-live]")).toHaveClass("live-connected");
  expect(said).toEqual([]);
  await page.clock.runFor(3_000);
  await expect(page.locator("[data-live-status]")).toContainText("Connection lost");
});

test("a page resumed elsewhere stops", async ({ page }) => {
  const peer = new Peer();
  await page.clock.install();
  await visit(page, peer);
  await peer.socket.close({ code: 4409 });
  await page.locator("[data-live].live-error").waitFor();
  await expect(page.locator("[data-live-status]")).toContainText("Reload");
  await page.clock.runFor(60_000);
  expect(peer.joins.length).toBe(1);
});

test("a token that is not accepted loads the page again, once", async ({ page }) => {
  const peer = new Peer();
  await page.clock.install();
  await visit(page, peer);
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  await peer.socket.close({ code: 4403 });
  await expect.poll(() => loads).toBe(1);
  await page.locator("[data-live].live-connected").waitFor();
  await peer.socket.close({ code: 4403 });
  await page.locator("[data-live].live-error").waitFor();
  await page.clock.runFor(60_000);
  expect(loads).toBe(1);
});

test("frames are confirmed, a wrong patch brings a resync, and the user's state survives it", async ({ page, errors }) => {
  errors.allow("livelong: resync");
  const peer = new Peer();
  await visit(page, peer);
  await page.getByLabel("Note").fill("mine");
  await expect.poll(() => peer.events()).toEqual([[1, "Edit"]]);
  peer.send([0, [99, "x"]]);
  await expect.poll(() => peer.frames.find(([n]) => n === 0)?.slice(0, 2)).toEqual([0, "resync"]);
  peer.send([0, [0, 0, "ignored"]]);
  peer.send([0, [], { html: VIEW.replace(">0<", ">5<") }]);
  await expect(page.locator("#n")).toHaveText("5");
  await expect(page.getByLabel("Note")).toHaveValue("mine");
  await expect(page.getByLabel("Note")).toBeFocused();
  await expect.poll(() => peer.frames.filter((frame) => frame.length === 1)).toEqual([[3]]);
});

test("title, flash, pushed events and replies", async ({ page }) => {
  const peer = new Peer();
  await visit(page, peer);
  const reply = page.evaluate(async () => {
    const { livelong } = window as unknown as { livelong: { push(n: string, p?: unknown): Promise<unknown>; on(n: string, f: (d: unknown) => void): void } };
    const pushed = new Promise((resolve) => livelong.on("ping", resolve));
    return [await livelong.push("Ask", { A: 1 }), await pushed];
  });
  await expect.poll(() => peer.frames).toEqual([[1, "Ask", { v: { A: 1 } }]]);
  peer.send([1, [], { title: "new", flash: [["info", "<b>Saved</b>"]], push: [["ping", 7]], reply: [[1, "yes"]] }]);
  expect(await reply).toEqual(["yes", 7]);
  await expect(page).toHaveTitle("new");
  await expect(page.locator("[data-live-flash] .live-flash-info span")).toHaveText("<b>Saved</b>");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.locator("[data-live-flash]")).toBeEmpty();
});

test("without moveBefore a reorder keeps focus and caret", async ({ page }) => {
  await page.addInitScript(() => {
    for (const { prototype } of [Element, DocumentFragment, Document]) delete (prototype as { moveBefore?: unknown }).moveBefore;
  });
  const peer = new Peer();
  await visit(page, peer);
  await page.getByLabel("Note").pressSequentially("abc");
  await page.getByLabel("Note").press("ArrowLeft");
  // p, button, button, text, form: the form to the front.
  const order = await page.evaluate(() => [...document.querySelector("[data-live]")!.childNodes].map((_, i) => i));
  peer.send([0, [[order.at(-1)!, ...order.slice(0, -1)]]]);
  await expect(page.locator("[data-live] > :first-child")).toHaveAttribute("live-submit", "Save");
  await expect(page.getByLabel("Note")).toBeFocused();
  expect(await page.getByLabel("Note").evaluate((el: HTMLInputElement) => el.selectionStart)).toBe(2);
});

test("a hidden tab does not connect again until it is looked at, and then at once", async ({ page }) => {
  const peer = new Peer();
  await page.clock.install();
  await visit(page, peer);
  // Counted where they are made: what a peer has heard comes later than the clock has run.
  await page.evaluate(() => {
    (window as unknown as { opened: number }).opened = 0;
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL) {
        super(url);
        (window as unknown as { opened: number }).opened++;
      }
    };
  });
  const opened = (): Promise<number> => page.evaluate(() => (window as unknown as { opened: number }).opened);
  await look(page, "hidden");
  await peer.socket.close({ code: 1001 });
  await page.locator("[data-live].live-disconnected").waitFor();
  await page.clock.runFor(300_000);
  expect(await opened()).toBe(0);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1000));
  await look(page, "visible");
  await expect.poll(() => peer.joins.length).toBe(2);
  await page.locator("[data-live].live-connected").waitFor();
});

test("a link that died without a word is noticed by a ping nobody answers", async ({ page }) => {
  const peer = new Peer();
  await page.clock.install();
  await visit(page, peer);
  await page.clock.runFor(31_000);
  await expect.poll(() => peer.frames).toEqual([[0, "ping"]]);
  expect(peer.joins.length).toBe(1);
  await page.clock.runFor(11_000);
  await expect.poll(() => peer.joins.length).toBe(2);
});

test("the server answers pings, and the connection stays", async ({ page, site }) => {
  const sent: string[] = [];
  const received: string[] = [];
  let sockets = 0;
  page.on("websocket", (ws) => {
    sockets++;
    ws.on("framesent", (f) => sent.push(String(f.payload)));
    ws.on("framereceived", (f) => received.push(String(f.payload)));
  });
  await page.clock.install();
  await open(page, `${site.url}/things`);
  for (let i = 1; i <= 3; i++) {
    await page.clock.runFor(31_000);
    await expect.poll(() => sent.filter((f) => f === `[0,"ping"]`).length).toBe(i);
    await expect.poll(() => received.filter((f) => f === "[]").length).toBe(i);
  }
  expect(sockets).toBe(1);
});

test("a page whose session is gone asks with HEAD, then is loaded again", async ({ page, context, site, errors }) => {
  errors.allow("WebSocket connection");
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "HEAD" || request.isNavigationRequest()) asked.push(request.method());
  });
  await open(page, `${site.url}/things`);
  await context.clearCookies();
  await cut(site);
  await expect.poll(() => asked).toEqual(["GET", "HEAD", "GET"]);
  await page.locator("[data-live].live-connected").waitFor();
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("1");
});
