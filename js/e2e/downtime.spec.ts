/** The server is away, hangs or refuses. Pages wait for it and come back; none is loaded again for that. */
import type { Page } from "@playwright/test";
import { type Server, expect, open, saved, test, watchJoins, watchStatus } from "./fixtures.ts";

/** Counts what a page loads, asks for and opens from now on. */
function watchRequests(page: Page): { loads: number; heads: number; sockets: number; open: number } {
  const counts = { loads: 0, heads: 0, sockets: 0, open: 0 };
  page.on("domcontentloaded", () => counts.loads++);
  page.on("request", (request) => request.method() === "HEAD" && counts.heads++);
  page.on("websocket", (socket) => {
    counts.sockets++;
    counts.open++;
    socket.on("close", () => counts.open--);
  });
  return counts;
}

/** Makes the test site's page of trouble do something. */
async function trouble(site: Pick<Server, "url">, what: "refuse" | "accept" | "release"): Promise<void> {
  await fetch(`${site.url}/trouble?do=${what}`);
}

/** Runs the page's clock in steps, as what a request brings takes real time: after each, until that is there. */
async function run(page: Page, ms: number, settled = (): boolean => true): Promise<void> {
  for (let i = 0; i < ms; i += 250) {
    await page.clock.runFor(250);
    if (!settled()) await expect.poll(settled, { intervals: [2] }).toBe(true);
  }
}

/** Runs the page's clock until its next attempt has come through. */
async function joined(page: Page, joins: readonly string[], want: readonly string[]): Promise<void> {
  await expect
    .poll(
      async () => {
        if (joins.length < want.length) await page.clock.runFor(250);
        return joins;
      },
      { intervals: [20] },
    )
    .toEqual(want);
}

test("the server is killed, and away for 30 seconds: every tab is back without a load", async ({ context, home, errors }) => {
  errors.allow("WebSocket connection");
  errors.allow("ERR_CONNECTION_REFUSED");
  const at = await home("site");
  await context.clock.install(); // one clock for all tabs
  const tabs = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const page = await context.newPage();
      const joins = await watchJoins(page);
      await open(page, `${at.direct}/trouble`);
      return { page, joins, counts: watchRequests(page) };
    }),
  );
  await tabs[0]!.page.locator("#inc").click();
  await tabs[0]!.page.locator("#typed").pressSequentially("typed");
  for (const { page } of tabs) {
    await expect(page.locator("#echo")).toHaveText("typed");
    await expect(page.locator("#n")).toHaveText("1");
    await saved(page);
  }
  const { host } = new URL(at.direct);
  await at.end("SIGKILL");
  for (const { page } of tabs) await page.locator("[data-live].live-disconnected").waitFor();
  await context.clock.pauseAt(await tabs[0]!.page.evaluate(() => Date.now() + 1_000));
  await run(tabs[0]!.page, 30_000);
  for (const { page, counts } of tabs) {
    await expect(page.locator("[data-live-status]")).toContainText("Connection lost");
    // Attempts are a matter of chance: none later than five seconds after the one before, each with one HEAD.
    expect(counts.sockets).toBeGreaterThanOrEqual(4);
    expect(counts.sockets).toBeLessThanOrEqual(40);
    expect(counts.heads).toBeLessThanOrEqual(counts.sockets);
  }
  console.log(`attempts in 30 s: ${tabs.map(({ counts }) => counts.sockets).join(", ")}`);
  await at.start(host);
  for (const { page, joins, counts } of tabs) {
    await joined(page, joins, ["adopt", "mount"]);
    await page.locator("[data-live].live-connected").waitFor();
    await expect(page.locator("[data-live-status]")).toBeEmpty();
    await expect(page.locator("#n")).toHaveText("1");
    await expect(page.locator("#typed")).toHaveValue("typed");
    expect(counts.loads).toBe(0);
  }
  await tabs[3]!.page.locator("#inc").click();
  for (const { page } of tabs) await expect(page.locator("#n")).toHaveText("2");
});

test("the server is replaced: no error, nothing said, no load", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  const joins = await watchJoins(page);
  await open(page, `${at.url}/trouble`);
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("1");
  await saved(page);
  const counts = watchRequests(page);
  for (let i = 1; i <= 3; i++) {
    expect(await at.end("SIGTERM")).toBe(0);
    await at.start();
    await expect.poll(() => joins.length).toBe(i + 1);
    await page.locator("[data-live].live-connected").waitFor();
  }
  await expect(page.locator("#n")).toHaveText("1");
  expect(said).toEqual([]);
  expect(await page.locator("[data-live-alert]").textContent()).toBe("");
  expect(counts.loads).toBe(0);
});

test("a page that cannot be mounted is tried at growing intervals, is never loaded, and comes back", async ({ page, home }) => {
  const at = await home("site");
  const joins = await watchJoins(page);
  await page.clock.install();
  await open(page, `${at.url}/trouble`);
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("1");
  await saved(page);
  const counts = watchRequests(page);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await trouble({ url: at.direct }, "refuse");
  await page.locator("#crash").click();
  await page.locator("[data-live].live-disconnected").waitFor();
  await run(page, 120_000, () => counts.open === 0);
  console.log(`attempts in 120 s: ${counts.sockets}`);
  // 2.5 s apart in the mean, once the pauses have grown.
  expect(counts.sockets).toBeGreaterThanOrEqual(24);
  expect(counts.sockets).toBeLessThanOrEqual(120);
  expect(joins).toEqual(["adopt"]);
  await trouble({ url: at.direct }, "accept");
  await joined(page, joins, ["adopt", "mount"]);
  await expect(page.locator("#n")).toHaveText("1");
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("2");
  // The connection has proved itself: after the next loss the pauses are short again.
  await run(page, 6_000);
  at.proxy.cut();
  await page.locator("[data-live].live-disconnected").waitFor();
  const before = await page.evaluate(() => Date.now());
  await joined(page, joins, ["adopt", "mount", "resume"]);
  expect((await page.evaluate(() => Date.now())) - before).toBeLessThanOrEqual(500);
  expect(counts.loads).toBe(0);
});

test("a page that crashes is mounted again over its socket", async ({ page, site }) => {
  const joins = await watchJoins(page);
  await open(page, `${site.url}/trouble`);
  const counts = watchRequests(page);
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("1");
  await saved(page);
  await page.locator("#crash").click();
  await expect(page.getByRole("alert")).toContainText("started afresh");
  await expect(page.locator("#n")).toHaveText("1");
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("2");
  // The state of the connection is the same as before, so that nothing is announced.
  expect(joins).toEqual(["adopt"]);
  expect(counts).toMatchObject({ loads: 0, heads: 0, sockets: 0 });
});

test("a handler that hangs for 40 seconds: busy is shown, and the page stays as it is", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  const received: string[] = [];
  page.on("websocket", (ws) => ws.on("framereceived", (f) => received.push(String(f.payload))));
  await page.clock.install();
  await open(page, `${at.url}/trouble`);
  await page.locator("#inc").click();
  await expect(page.locator("#n")).toHaveText("1");
  const counts = watchRequests(page);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  const hang = page.locator("#hang");
  await hang.click();
  await expect(hang).toHaveClass("live-pending");
  await page.locator("#typed").fill("typed meanwhile");
  const pong = (): number => received.filter((frame) => frame === "[]").length;
  // The server answers pings though the page is busy: the connection is not given up for dead.
  for (let i = 1; i <= 2; i++) {
    await page.clock.runFor(30_500);
    await expect.poll(pong).toBe(i);
    await expect(hang).toHaveClass("live-pending");
  }
  await expect(page.locator("#typed")).toHaveValue("typed meanwhile");
  await expect(page.locator("#n")).toHaveText("1");
  await trouble({ url: at.direct }, "release");
  await expect(page.locator("#n")).toHaveText("11");
  await expect(page.locator("#echo")).toHaveText("typed meanwhile");
  await expect(hang).not.toHaveClass(/live-pending/);
  expect(counts).toMatchObject({ loads: 0, heads: 0, sockets: 0 });
  expect(said).toEqual([]);
});

test("the connection is lost while a handler hangs: the answer is there afterwards", async ({ page, home }) => {
  const at = await home("site");
  const joins = await watchJoins(page);
  await open(page, `${at.url}/trouble`);
  const counts = watchRequests(page);
  await page.locator("#hang").click();
  await expect(page.locator("#hang")).toHaveClass("live-pending");
  at.proxy.cut();
  await page.locator("[data-live].live-disconnected").waitFor();
  await expect(page.locator("#hang")).toHaveClass("live-pending");
  await trouble({ url: at.direct }, "release");
  await expect(page.locator("#n")).toHaveText("10");
  await expect(page.locator("#hang")).not.toHaveClass(/live-pending/);
  expect(joins).toEqual(["adopt", "resume"]);
  expect(counts.loads).toBe(0);
});
