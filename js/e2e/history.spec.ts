/** The history, the places in it, and how far each was scrolled. */
import { expect, latency, open, slowable, test } from "./fixtures.ts";
import { text, length, watch, events } from "./trip.ts";

test("scroll: top on navigate, the old place on back, a hash in view, containers too", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.evaluate(() => {
    document.querySelector("#box")!.scrollTop = 321;
    document.querySelector("#trip-42")!.scrollIntoView();
  });
  const old = await page.evaluate(() => scrollY);
  expect(old).toBeGreaterThan(500);
  await page.locator("#tour").evaluate((el: HTMLElement) => el.click());
  await expect(page.locator("h1")).toHaveText("Tour");
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Trip to a");
  await expect.poll(() => page.evaluate(() => [scrollY, document.querySelector("#box")!.scrollTop])).toEqual([old, 321]);
  await page.locator("#item").evaluate((el: HTMLElement) => el.click());
  await expect(page).toHaveURL(`${site.url}/tour#item-42`);
  await expect(page.locator("#item-42")).toBeInViewport();
  const there = await page.evaluate(() => scrollY);
  // Away to a page that is not live, and back, as a document that is not kept.
  await page.goto(`${site.url}/frame`);
  await page.goBack();
  await page.locator("[data-live].live-connected").waitFor();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(there);
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Trip to a");
  await expect.poll(() => page.evaluate(() => [scrollY, document.querySelector("#box")!.scrollTop])).toEqual([old, 321]);
  // A patch leaves everything where it is, to the eye: what grows above is the browser's to even out.
  const top = (): Promise<number> => page.locator("#trip-42").evaluate((el) => Math.round(el.getBoundingClientRect().top));
  const before = await top();
  await page.locator("#patch").evaluate((el: HTMLElement) => el.click());
  await expect(page.locator("#query")).toHaveText("patched");
  expect(await page.evaluate(() => document.querySelector("#box")!.scrollTop)).toBe(321);
  expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(1);
});

test("links within the page are the browser's, and back from them keeps the mount", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  const self = await text(page, "self");
  await page.evaluate(() => (location.hash = "#trip-60"));
  await expect(page.locator("#trip-60")).toBeInViewport();
  await page.goBack();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
  await page.goForward();
  await expect(page.locator("#trip-60")).toBeInViewport();
  expect(await text(page, "self")).toBe(self);
  expect(seen.sent.filter((frame) => frame.includes('"/"'))).toEqual([]);
});

test("a listener calls a navigation off: by a link nothing happens, back is undone", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  const asked = await events(page, "live:before-navigate");
  const done = await events(page, "live:navigate");
  await page.evaluate(() => addEventListener("live:before-navigate", (event) => event.preventDefault()));
  seen.sent.length = 0;
  await page.click("#tour");
  await page.evaluate(() => history.back());
  await expect.poll(asked).toHaveLength(2);
  await expect(page).toHaveURL(`${site.url}/trip/a?q=patched`);
  expect(await asked()).toEqual([
    { href: `${site.url}/tour`, pop: false, direction: "forward" },
    { href: `${site.url}/trip/a`, pop: true, direction: "backward" },
  ]);
  expect(await done()).toEqual([]);
  expect(seen.sent.filter((frame) => frame.includes('"/"'))).toEqual([]);
  expect(await text(page, "query")).toBe("patched");
});

test("each change of the URL is told once, with what it was", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  const told = await events(page, "live:navigate");
  await page.click("#patch");
  await expect.poll(told).toHaveLength(1);
  await page.click("#tour");
  await expect.poll(told).toHaveLength(2);
  await page.goBack();
  await expect.poll(told).toHaveLength(3);
  await page.goForward();
  await expect.poll(told).toHaveLength(4);
  expect(await told()).toEqual([
    { href: `${site.url}/trip/a?q=patched`, patch: true, pop: false, direction: "forward" },
    { href: `${site.url}/tour`, patch: false, pop: false, direction: "forward" },
    { href: `${site.url}/trip/a?q=patched`, patch: false, pop: true, direction: "backward" },
    { href: `${site.url}/tour`, patch: false, pop: true, direction: "forward" },
  ]);
});

test("back while the next page is being made ends at the page before", async ({ page, slow }) => {
  await open(page, `${slow.url}/trip/a`);
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  await page.click("#slow-patch");
  await page.evaluate(() => history.back());
  await page.request.get(`${slow.url}/gate?params:gate3`);
  await expect(page.locator("#query")).toHaveText("");
  await expect(page).toHaveURL(`${slow.url}/trip/a`);
  await expect(page.locator("html")).not.toHaveClass("live-loading");
});

for (const hash of ["#%FF", "#100%"]) {
  test(`a hash that says nothing, ${hash}, does no harm, and can be gone back to`, async ({ page, site }) => {
    await open(page, `${site.url}/trip/a`);
    await page.evaluate((hash) => (window as unknown as { livelong: { navigate(to: string): void } }).livelong.navigate(`/tour${hash}`), hash);
    await expect(page.locator("h1")).toHaveText("Tour");
    await page.fill("#word", "alive");
    await expect(page.locator("#typed")).toHaveText("alive");
    await page.click("#trip");
    await expect(page.locator("h1")).toHaveText("Trip to again");
    await page.goBack();
    await expect(page.locator("h1")).toHaveText("Tour");
  });
}

test("a history that takes no more entries, as after too many, does not hold up the page", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.evaluate(() => {
    history.replaceState = history.pushState = () => {
      throw new DOMException("too many calls", "SecurityError");
    };
  });
  for (const n of ["1", "2"]) {
    await page.click("#turn");
    await expect(page.locator("#page")).toHaveText(n);
  }
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await page.fill("#word", "alive");
  await expect(page.locator("#typed")).toHaveText("alive");
});

test("back to an entry that a script of the app has written over shows its page", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.evaluate(() => history.replaceState(null, "", "?q=mine"));
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await page.goBack();
  await expect(page.locator("#query")).toHaveText("mine");
  await expect(page).toHaveURL(`${site.url}/trip/a?q=mine`);
  await page.goForward();
  await expect(page.locator("h1")).toHaveText("Tour");
});

test("a double click, and a link to where the user is, make no second history entry", async ({ page, slow }) => {
  await open(page, `${slow.url}/trip/a`);
  const entries = await length(page);
  await page.dblclick("#slow-tour");
  await page.request.get(`${slow.url}/gate?gate2`);
  await expect(page.locator("h1")).toHaveText("Tour");
  await page.fill("#word", "after"); // what is answered came after both clicks
  await expect(page.locator("#typed")).toHaveText("after");
  expect(await length(page)).toBe(entries + 1);
  await page.goBack();
  for (const _ of [1, 2]) {
    await page.click("#patch");
    await expect(page.locator("#query")).toHaveText("patched");
    await expect(page.locator("html")).not.toHaveClass("live-loading");
  }
  expect(await length(page)).toBe(entries + 1);
});

test("the server sends the browser to the page it is at, with a hash: it is loaded", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  const self = await text(page, "self");
  for (const hash of ["#trip-42", "#trip-42", ""]) {
    const loaded = page.waitForEvent("load");
    await page.evaluate((to) => void (window as unknown as { livelong: { push(n: string, p: unknown): Promise<unknown> } }).livelong.push("Leave", { How: "redirect", To: to }), `/trip/a${hash}`);
    await loaded;
    await expect(page.locator("#self")).not.toHaveText(self);
    await page.locator("[data-live].live-connected").waitFor();
    expect(page.url()).toBe(`${site.url}/trip/a${hash}`);
  }
});

test("back over an entry before it is shown leaves alone how far that was scrolled", async ({ page, site }) => {
  await slowable(page);
  await open(page, `${site.url}/trip/a`);
  await page.locator("#path").evaluate((el: HTMLElement) => el.click());
  await expect(page.locator("h1")).toHaveText("Trip to next");
  await page.evaluate(() => document.querySelector("#trip-60")!.scrollIntoView());
  const old = await page.evaluate(() => scrollY);
  await page.locator("#tour").evaluate((el: HTMLElement) => el.click());
  await expect(page.locator("h1")).toHaveText("Tour");
  await page.evaluate(() => {
    (window as unknown as { livelong: { latency(ms: number): void } }).livelong.latency(300);
    history.back();
    setTimeout(() => history.back(), 100);
  });
  await expect(page.locator("h1")).toHaveText("Trip to a");
  await latency(page, 0);
  await page.goForward();
  await expect(page.locator("h1")).toHaveText("Trip to next");
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(old);
});
