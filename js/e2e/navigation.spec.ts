/** Going from page to page over the socket: what stays, what is loaded, and what the user keeps. */
import { cut, expect, open, test } from "./fixtures.ts";
import { text, length, watch, events } from "./trip.ts";

test("a link to another URL of the view: one frame, no request, one history entry", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  const self = await text(page, "self");
  const entries = await length(page);
  seen.documents.length = seen.sent.length = 0;
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  expect(page.url()).toBe(`${site.url}/trip/a?q=patched`);
  expect(await text(page, "self"), "the same mount").toBe(self);
  expect(seen.sent).toEqual(['[1,"/",{"v":{"to":"/trip/a?q=patched","mode":"push"}}]']);
  expect(await length(page)).toBe(entries + 1);
  await page.click("#replace");
  await expect(page.locator("#query")).toHaveText("replaced");
  expect(await length(page)).toBe(entries + 1);
  await page.click("#path");
  await expect(page.locator("h1")).toHaveText("Trip to next");
  expect(await text(page, "self")).toBe(self);
  expect(seen.documents).toEqual([]);
  // The page has a token for its new path: a lost connection is resumed there.
  await cut(site);
  await expect(page.locator("#back")).toHaveText("1");
  expect(await text(page, "self")).toBe(self);
});

test("a link to another view of the group: no document, the same socket; URL, title and body change", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a?q=x`);
  await page.evaluate(() => (document.querySelector("#nav") as unknown as { mine: number }).mine = 1);
  seen.documents.length = 0;
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page).toHaveTitle("Test · Tour · site");
  await expect(page).toHaveURL(`${site.url}/tour`);
  expect(seen.documents).toEqual([]);
  expect(seen.sockets).toBe(1);
  await expect(page.locator("#referer")).toHaveText("/trip/a?q=x");
  // The container is another element, without attributes of the one before.
  const root = await page.locator("[data-live]").evaluate((el) => [el.localName, [...el.attributes].map((a) => a.name).sort().join(" "), el.className]);
  expect(root).toEqual(["article", "class data-live data-live-tag data-tour", "tour live-connected"]);
  // What is around the view stays as it is.
  expect(await page.evaluate(() => (document.querySelector("#nav") as unknown as { mine?: number }).mine)).toBe(1);
  await page.fill("#word", "hello");
  await expect(page.locator("#typed")).toHaveText("hello");
  // A lost connection is resumed here.
  const self = await text(page, "self");
  await cut(site);
  await page.fill("#word", "hello again");
  await expect(page.locator("#typed")).toHaveText("hello again");
  expect(await text(page, "self")).toBe(self);
  // A link of the layout leads back.
  await page.click("#nav-trip");
  await expect(page.locator("h1")).toHaveText("Trip to nav");
});

test("back over a patch is the same mount, over a navigation another one; forward likewise", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  const first = await text(page, "self");
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  await page.goBack();
  await expect(page.locator("#query")).toHaveText("");
  expect(await text(page, "self")).toBe(first);
  await page.goForward();
  await expect(page.locator("#query")).toHaveText("patched");
  expect(await text(page, "self")).toBe(first);
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  const tour = await text(page, "self");
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Trip to a");
  await expect(page.locator("#query")).toHaveText("patched");
  const second = await text(page, "self");
  expect(second).not.toBe(first);
  await page.goBack(); // left by the first mount, so this is a third one
  await expect(page.locator("#query")).toHaveText("");
  expect(await text(page, "self")).not.toBe(second);
  await page.goForward();
  await page.goForward();
  await expect(page.locator("h1")).toHaveText("Tour");
  expect(await text(page, "self")).not.toBe(tour);
  expect(seen.documents).toEqual(["GET /trip/a"]);
  expect(seen.sockets).toBe(1);
});

test("a field of the URL that a handler changes: a history entry, and back", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a?keep=1`);
  await page.click("#turn");
  await expect(page).toHaveURL(`${site.url}/trip/a?keep=1&page=1`);
  await page.click("#turn");
  await expect(page).toHaveURL(`${site.url}/trip/a?keep=1&page=2`);
  await page.goBack();
  await expect(page.locator("#page")).toHaveText("1");
  await page.reload();
  await page.locator("[data-live].live-connected").waitFor();
  await expect(page.locator("#page")).toHaveText("1");
  await page.goForward();
  await expect(page.locator("#page")).toHaveText("2");
});

test("a link into another group loads its document, and opens its own socket", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  seen.documents.length = 0;
  await page.click("#desk-link");
  await expect(page.locator("body#desk h1")).toHaveText("Tour");
  await page.locator("[data-live].live-connected").waitFor();
  expect(seen.documents).toEqual(["GET /desk"]);
  expect(seen.sockets).toBe(2);
});

test("a flash goes along: over the socket, and into another group", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  const leave = (how: string, to: string): Promise<void> =>
    page.evaluate(([how, to]) => void (window as unknown as { livelong: { push(n: string, p: unknown): Promise<unknown> } }).livelong.push("Leave", { How: how, To: to }).catch(() => {}), [how, to] as const);
  await leave("navigate", "/tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page.locator(".live-flash-info span")).toHaveText("Left by navigate");
  await page.click("#trip");
  await expect(page.locator("h1")).toHaveText("Trip to again");
  await expect(page.locator("[data-live-flash]")).toBeEmpty();
  await leave("navigate", "/desk");
  await expect(page.locator("body#desk h1")).toHaveText("Tour");
  await expect(page.locator(".live-flash-info span")).toHaveText("Left by navigate");
  await page.reload();
  await expect(page.locator("[data-live-flash]")).toBeEmpty();
});

test("a flash is dismissed alone, and the others go with the next patch", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.click("#untitle");
  await expect(page.locator(".live-flash")).toHaveCount(2);
  await page.locator(".live-flash-info [data-live-dismiss]").click();
  await expect(page.locator(".live-flash span")).toHaveText("Second");
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  await expect(page.locator(".live-flash")).toHaveCount(0);
});

test("a token of another group: the page is loaded again", async ({ page, site }) => {
  const foreign = await (await page.request.get(`${site.url}/desk`)).text();
  const token = /data-live="([^"]+)"/.exec(foreign)![1]!;
  const seen = watch(page);
  await page.addInitScript((token) => {
    if (sessionStorage.getItem("once")) return;
    sessionStorage.setItem("once", "1");
    document.addEventListener("readystatechange", () => document.querySelector("[data-live]")?.setAttribute("data-live", token), { once: true });
  }, token);
  await open(page, `${site.url}/trip/a`);
  expect(seen.documents).toEqual(["GET /trip/a", "GET /trip/a"]);
  await expect(page.locator("h1")).toHaveText("Trip to a");
});

for (const [name, keys] of [["control", ["Control"]], ["shift", ["Shift"]]] as const) {
  test(`with ${name} a link opens elsewhere, and this page stays`, async ({ page, context, site }) => {
    const seen = watch(page);
    await open(page, `${site.url}/trip/a`);
    seen.sent.length = 0;
    const other = context.waitForEvent("page");
    await page.click("#tour", { modifiers: [...keys] });
    await expect((await other).locator("h1")).toHaveText("Tour");
    await expect(page.locator("h1")).toHaveText("Trip to a");
    expect(seen.sent).toEqual([]);
  });
}

test("the middle button, a target and a download stay the browser's own", async ({ page, context, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  seen.sent.length = 0;
  for (const [link, button] of [["#tour", "middle"], ["#blank", "left"]] as const) {
    const other = context.waitForEvent("page");
    await page.click(link, { button });
    await expect((await other).locator("h1")).toHaveText("Tour");
  }
  const download = page.waitForEvent("download");
  await page.click("#download");
  expect((await download).suggestedFilename()).toBe("tour.html");
  await expect(page.locator("h1")).toHaveText("Trip to a");
  expect(seen.sent.filter((frame) => frame.includes('"/"'))).toEqual([]);
});

test("a link in a picture works", async ({ page, site }) => {
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  await page.locator("#svg circle").click();
  await expect(page.locator("h1")).toHaveText("Tour");
  expect(seen.documents).toHaveLength(1);
});

test("the server sends the browser to another site", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  const foreign = site.url.replace("127.0.0.1", "localhost");
  await page.evaluate((to) => void (window as unknown as { livelong: { push(n: string, p: unknown): Promise<unknown> } }).livelong.push("Leave", { How: "redirect", To: to }), `${foreign}/frame`);
  await expect(page).toHaveURL(`${foreign}/frame`);
});

test("what is missing is loaded once, and answered 404; what fails leaves the page", async ({ page, site, errors }) => {
  errors.allow("404");
  const seen = watch(page);
  await open(page, `${site.url}/trip/a`);
  const self = await text(page, "self");
  await page.click("#broken");
  await expect(page.locator("[data-live-alert]")).toContainText("That did not work.");
  await page.click("#loop");
  await expect(page.locator("[data-live-alert]")).toContainText("too many redirects");
  expect(await text(page, "self")).toBe(self);
  expect(page.url()).toBe(`${site.url}/trip/a`);
  const answer = page.waitForResponse(`${site.url}/tour?wait=missing`);
  await page.click("#missing");
  expect((await answer).status()).toBe(404);
  await expect(page.locator("body")).toContainText("Not Found");
  expect(seen.documents).toEqual(["GET /trip/a", "GET /tour"]);
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Trip to a");
});

test("what is no page of the app is loaded", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.click("#file");
  await expect(page).toHaveURL(`${site.url}/frame`);
});

test("who may not see a page any more ends at the login: by a link, and by coming back", async ({ page, site, errors }) => {
  errors.allow("Unexpected response code: 303");
  await page.goto(`${site.url}/members?in=ada${site.url.length}`);
  await open(page, `${site.url}/trip/a`);
  await page.click("#member");
  await expect(page.locator("h1")).toHaveText("Trip to");
  await page.request.get(`${site.url}/members?out=ada${site.url.length}`);
  await page.click("#nav-tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await page.goBack();
  await expect(page).toHaveURL(`${site.url}/login?from=%2Fmember`);
  await page.goto(`${site.url}/members?in=ada${site.url.length}`);
  await open(page, `${site.url}/member`);
  await page.request.get(`${site.url}/members?out=ada${site.url.length}`);
  await cut(site);
  await expect(page).toHaveURL(`${site.url}/login?from=%2Fmember`);
});

test("while the next page is being made the old one stays, and its events do not reach the new one", async ({ page, slow }) => {
  await open(page, `${slow.url}/trip/a`);
  const stop = await events(page, "live:loading-stop");
  await page.click("#slow-tour");
  await expect(page.locator("html")).toHaveClass("live-loading");
  await page.fill("#word", "for the old page");
  await expect(page.locator("h1")).toHaveText("Trip to a");
  expect(await stop()).toEqual([]);
  await page.request.get(`${slow.url}/gate?gate2`);
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page.locator("html")).not.toHaveClass("live-loading");
  expect(await stop()).toEqual([{ kind: "navigation" }]);
  await page.fill("#word", "for the new one");
  await expect(page.locator("#typed")).toHaveText("for the new one");
});

test("the last of two links wins", async ({ page, slow }) => {
  await open(page, `${slow.url}/trip/a`);
  await page.click("#slow-tour");
  await page.click("#path");
  await page.request.get(`${slow.url}/gate?gate2`);
  await expect(page.locator("h1")).toHaveText("Trip to next");
  await expect(page).toHaveURL(`${slow.url}/trip/next?q=path`);
  await expect(page.locator("html")).not.toHaveClass("live-loading");
});

test("a link while the connection is away is followed when it is back", async ({ page, home }) => {
  const at = await home("site");
  await open(page, `${at.url}/trip/a`);
  at.proxy.target = null;
  at.proxy.cut();
  await page.locator("[data-live].live-disconnected").waitFor();
  await page.click("#tour");
  await expect(page.locator("html")).toHaveClass("live-loading");
  at.proxy.target = at.direct;
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page).toHaveURL(`${at.url}/tour`);
});

test("a link while the server is started again is followed when it is back", async ({ page, home, errors }) => {
  errors.allow("WebSocket");
  errors.allow("Failed to load resource");
  const at = await home("site");
  await open(page, `${at.url}/trip/a`);
  await at.end("SIGKILL");
  await page.locator("[data-live].live-disconnected").waitFor();
  await page.click("#tour");
  await at.start();
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page).toHaveURL(`${at.url}/tour`);
});

test("a title is set between prefix and suffix, and nothing else in the head is touched", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await expect(page).toHaveTitle("Test · Trip · site");
  await page.evaluate(() => {
    const seen = ((window as unknown as { seen: string[] }).seen = [] as string[]);
    new MutationObserver((records) => {
      for (const { target } of records) seen.push(target.nodeName);
    }).observe(document.head, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await page.click("#rename");
  await expect(page).toHaveTitle("Test · Trip renamed · site");
  expect(new Set(await page.evaluate(() => (window as unknown as { seen: string[] }).seen))).toEqual(new Set(["TITLE"]));
});

test("the focus moves into the new page, and its title is read out", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  await page.locator("#tour").focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page.locator("h1")).toBeFocused();
  await expect(page.getByRole("status").and(page.locator("[data-live-route]"))).toHaveText("Test · Tour · site");
  expect(await page.locator("[data-live-route]").evaluate((el) => el.getBoundingClientRect().width)).toBeLessThanOrEqual(1);
  // A patch keeps the focus where it is, and reads nothing out.
  await page.click("#nav-trip");
  await page.locator("#patch").focus();
  await page.locator("[data-live-route]").evaluate((el) => (el.textContent = ""));
  await page.keyboard.press("Enter");
  await expect(page.locator("#query")).toHaveText("patched");
  await expect(page.locator("#patch")).toBeFocused();
  await expect(page.locator("[data-live-route]")).toBeEmpty();
});

test("a view transition, where the layout asks for it; frames that come meanwhile wait", async ({ page, site }) => {
  await page.addInitScript(() => {
    const start = document.startViewTransition.bind(document);
    document.startViewTransition = (update) => {
      document.documentElement.dataset.transitions = String(Number(document.documentElement.dataset.transitions ?? 0) + 1);
      return start(update);
    };
  });
  await open(page, `${site.url}/trip/moved`);
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page.locator("html")).toHaveAttribute("data-transitions", "1");
  await page.fill("#word", "after");
  await expect(page.locator("#typed")).toHaveText("after");
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Trip to moved");
  await expect(page.locator("html")).toHaveAttribute("data-transitions", "2");
  await open(page, `${site.url}/trip/a`);
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  await expect(page.locator("html")).not.toHaveAttribute("data-transitions");
});

test("navigate() of the script's interface", async ({ page, site }) => {
  await open(page, `${site.url}/trip/a`);
  const go = (to: string, replace?: boolean): Promise<void> =>
    page.evaluate(([to, replace]) => (window as unknown as { livelong: { navigate(to: string, replace?: boolean): void } }).livelong.navigate(to, replace), [to, replace] as const);
  const entries = await length(page);
  await go("/tour", true);
  await expect(page.locator("h1")).toHaveText("Tour");
  expect(await length(page)).toBe(entries);
  await go("javascript:document.title='x'");
  await go("/trip/b");
  await expect(page.locator("h1")).toHaveText("Trip to b");
  await expect(page).toHaveTitle("Test · Trip · site");
});

test("without JavaScript links are links, and an address that asks for more is redirected", async ({ browser, site }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${site.url}/trip/a`);
  await page.click("#patch");
  await expect(page.locator("#query")).toHaveText("patched");
  await page.click("#tour");
  await expect(page.locator("h1")).toHaveText("Tour");
  const answer = await page.goto(`${site.url}/trip/loop`);
  expect(answer!.status()).toBe(508);
  await context.close();
});

test("the loading line grows from where lines begin, and stands still for those who want that", async ({ page, slow }) => {
  await open(page, `${slow.url}/trip/a`);
  await page.click("#slow-tour");
  const line = (): Promise<string[]> =>
    page.locator("html").evaluate((el) => {
      const { transformOrigin, width, animationTimingFunction: timing } = getComputedStyle(el, "::before");
      const x = parseFloat(transformOrigin);
      return [x === 0 ? "left" : x === parseFloat(width) ? "right" : transformOrigin, timing.slice(0, 5)];
    });
  expect(await line()).toEqual(["left", "cubic"]);
  await page.locator("html").evaluate((el) => el.setAttribute("dir", "rtl"));
  expect(await line()).toEqual(["right", "cubic"]);
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await line()).toEqual(["right", "steps"]);
  await page.request.get(`${slow.url}/gate?gate2`);
});
