/** When the user is told that the connection is lost, and when not. */
import type { Page } from "@playwright/test";
import { type Home, expect, look, open, test, watchStatus } from "./fixtures.ts";

const LOST = "Connection lost. Trying to reconnect…";

/** Opens a page whose time stands still until the test runs it. */
async function still(page: Page, url: string): Promise<void> {
  await page.clock.install();
  await open(page, url);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
}

/** Takes the server away from the page. */
async function lose(page: Page, home: Home): Promise<void> {
  home.proxy.target = null;
  home.proxy.cut();
  await page.locator("[data-live].live-disconnected").waitFor();
}

/** Gives it back. */
async function regain(page: Page, home: Home): Promise<void> {
  home.proxy.target = home.direct;
  await page.clock.runFor(100); // the pause before the first attempt may not be over
  await page.locator("[data-live].live-connected").waitFor();
}

test("nothing is said in twenty reloads and twenty navigations", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  await open(page, `${at.url}/forms`);
  for (let i = 0; i < 20; i++) {
    await page.reload();
    await page.locator("[data-live].live-connected").waitFor();
  }
  for (let i = 0; i < 20; i++) await open(page, at.url + (i % 2 === 0 ? "/things" : "/forms"));
  // While the page is still connecting, and while it has just clicked.
  for (let i = 0; i < 5; i++) {
    // By the page itself: the browser refuses to reload from outside what it is just replacing.
    const shown = page.waitForEvent("domcontentloaded");
    await page.evaluate(() => void setTimeout(() => location.reload()));
    await shown;
  }
  await page.goto("about:blank");
  expect(said).toEqual([]);
});

test("lost for a second and a half: nothing is said, then or later", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  await still(page, `${at.url}/forms`);
  await lose(page, at);
  await page.clock.runFor(1_500);
  await regain(page, at);
  await page.clock.runFor(10_000);
  expect(said).toEqual([]);
});

test("lost for longer: said once, announced, taken back on return", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  await still(page, `${at.url}/forms`);
  // A screen reader announces what is put into a region that is there already.
  await expect(page.getByRole("status").and(page.locator("[data-live-status]"))).toBeEmpty();
  await lose(page, at);
  await page.clock.runFor(1_950);
  expect(said).toEqual([]);
  await page.clock.runFor(100);
  await expect(page.getByRole("status").and(page.locator("[data-live-status]"))).toHaveText(LOST);
  await page.clock.runFor(10_000);
  await regain(page, at);
  await expect(page.locator("[data-live-status]")).toBeEmpty();
  expect(said).toEqual([LOST]);
});

test("a hidden tab says nothing until it has been looked at for as long", async ({ page, home }) => {
  const at = await home("site");
  const said = await watchStatus(page);
  await still(page, `${at.url}/forms`);
  await look(page, "hidden");
  await lose(page, at);
  await page.clock.runFor(600_000);
  await look(page, "visible");
  await page.clock.runFor(1_950);
  expect(said).toEqual([]);
  await page.clock.runFor(100);
  await expect(page.locator("[data-live-status]")).toHaveText(LOST);
  expect(said).toEqual([LOST]);
  // Put away with the words on it, and looked at when the server is back: they are not the first thing that is seen.
  await look(page, "hidden");
  await expect(page.locator("[data-live-status]")).toBeEmpty();
  at.proxy.target = at.direct;
  await look(page, "visible");
  await page.locator("[data-live].live-connected").waitFor();
  expect(said).toEqual([LOST]);
});

test("put away and shown again by the browser: nothing is said", async ({ playwright, home }) => {
  const at = await home("site");
  const { launchOptions } = test.info().project.use;
  const browser = await playwright.chromium.launch({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  try {
    const page = await browser.newPage();
    const said = await watchStatus(page);
    await open(page, `${at.url}/forms`);
    await page.evaluate(() => addEventListener("pageshow", ({ persisted }) => Object.assign(window, { persisted })));
    for (let i = 0; i < 5; i++) {
      await page.goto(`${at.url}/frame`);
      await page.goBack({ waitUntil: "commit" });
      await page.locator("[data-live].live-connected").waitFor();
      expect(await page.evaluate(() => (window as unknown as { persisted?: boolean }).persisted)).toBe(true);
    }
    expect(said).toEqual([]);
  } finally {
    await browser.close();
  }
});

test("the view has one class for its connection and one for its values in each phase of a kill and a restart", async ({ page, home, errors }) => {
  errors.allow("livelong");
  const at = await home("site");
  await page.addInitScript(() => {
    const phases: string[] = [];
    Object.assign(window, { phases });
    const note = (): void => {
      const root = document.querySelector("[data-live]");
      const has = (names: string[]): string => names.filter((name) => root?.classList.contains(`live-${name}`)).join("+");
      const phase = `${has(["connecting", "connected", "disconnected", "error"])} ${has(["saved", "saving", "unsaved", "unavailable"])}`;
      if (root && phases.at(-1) !== phase) phases.push(phase);
    };
    new MutationObserver(note).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
  });
  await open(page, `${at.url}/trouble`);
  await page.locator("[data-live].live-saved").waitFor();
  await at.end("SIGKILL");
  await page.locator("[data-live].live-disconnected").waitFor();
  await at.start();
  await page.locator("[data-live].live-connected.live-saved").waitFor();
  const phases = await page.evaluate(() => (window as unknown as { phases: string[] }).phases);
  expect(phases.filter((phase) => phase.includes("+"))).toEqual([]);
  expect(phases.map((phase) => phase.split(" ")[0]).filter((state, i, all) => state && state !== all[i - 1])).toEqual(["connecting", "connected", "disconnected", "connected"]);
});
