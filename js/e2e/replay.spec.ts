import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { BrowserContext, Locator, Page } from "@playwright/test";
import { expect, open, test } from "./fixtures.ts";

/** Uses the recorded page: 3 additions, an error, a pause, a note, a toggle. Returns when it is closed. */
async function act(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage();
  await page.setViewportSize({ width: 800, height: 500 });
  await open(page, url);
  for (const count of [1, 2, 3]) {
    await page.getByRole("button", { name: "Add" }).click();
    await expect(page.locator("output")).toHaveText(String(count));
  }
  await page.getByRole("button", { name: "Fail" }).click();
  await expect(page.locator("[data-live-alert]")).not.toBeEmpty();
  await page.getByLabel("Note").fill("a note");
  await page.getByLabel("Note").blur();
  await expect(page.locator(".note")).toHaveText("a note");
  await page.getByRole("button", { name: "Toggle" }).click();
  await expect(page.getByRole("heading", { name: "More" })).toBeVisible();
  await page.close();
}

const row = (page: Page): Locator => page.locator("tbody tr").filter({ has: page.getByRole("link", { name: "Desk" }) });

/** Records, and opens the player once the recording is finished. */
async function play(page: Page, url: string): Promise<void> {
  await act(page.context(), url);
  await open(page, `${url}/replay/`);
  await expect(page.locator(".sum")).toContainText("2 saved", { timeout: 20_000 }); // with the hostile one
  await row(page).getByRole("link", { name: "Desk" }).click();
  await expect(page.locator(".check")).toHaveText(/(\d+) of \1 verified/);
}

/** What is on the stage. */
const stage = (page: Page) => page.frameLocator(".window foreignObject:last-child iframe");
const count = (page: Page): Locator => stage(page).locator("output");
const here = (page: Page): Locator => page.locator(".events [aria-current] .name");
const control = (page: Page, name: string): Locator => page.locator(".controls").getByRole("link", { name, exact: true });

test("a recording is played as it was, step by step", async ({ page, theatre }) => {
  await play(page, theatre.url);
  await expect(page.locator(".who")).toContainText("Desk");
  await expect(page.locator(".meta")).toContainText("e2e-1");
  await expect(count(page)).toHaveText("0");
  // As it looked: the kept stylesheet and picture, at the recorded size.
  await expect(stage(page).getByRole("heading", { name: "Desk" })).toHaveCSS("color", "rgb(1, 120, 90)");
  await expect.poll(() => stage(page).locator("img").evaluate((el: HTMLImageElement) => el.naturalWidth)).toBe(16);
  await expect(page.locator(".window iframe").last()).toHaveAttribute("width", "800");
  await expect(page.locator(".dims")).toHaveText("800 × 500");

  await control(page, "Next event").click();
  await expect(count(page)).toHaveText("1");
  await expect(here(page)).toHaveText("Add");
  await control(page, "Next frame").click();
  await expect(count(page)).toHaveText("2");
  await control(page, "Previous frame").click();
  await expect(count(page)).toHaveText("1");
  await control(page, "Next error").click();
  await expect(here(page)).toHaveText("Fail");
  await expect(page.locator(".events [aria-current]")).toHaveClass(/bad/);
  await expect(count(page)).toHaveText("3");
  await control(page, "Previous event").click();
  await expect(here(page)).toHaveText("Add");
  await control(page, "Last").click();
  await expect(here(page)).toHaveText("ended");
  await expect(control(page, "Next frame")).toHaveAttribute("aria-disabled", "true");
  await control(page, "First").click();
  await expect(count(page)).toHaveText("0");
  await page.locator(".events").getByRole("link", { name: /Toggle/ }).click();
  await expect(stage(page).getByRole("heading", { name: "More" })).toBeVisible();
  await expect(stage(page).getByLabel("Note")).toHaveValue("a note");
  // What comes later is greyed.
  const colour = (at: Locator): Promise<string> => at.evaluate((el) => getComputedStyle(el).color);
  expect(await colour(page.locator(".events li").last().locator(".name"))).not.toBe(await colour(here(page)));
});

test("keys do what the controls do", async ({ page, theatre }) => {
  await play(page, theatre.url);
  const press = (key: string): Promise<void> => page.keyboard.press(key);
  await press("ArrowRight");
  await expect(here(page)).toHaveText("Add");
  await press(".");
  await expect(count(page)).toHaveText("2");
  await press(",");
  await expect(count(page)).toHaveText("1");
  await press("ArrowLeft");
  await expect(count(page)).toHaveText("0");
  await press("e");
  await expect(here(page)).toHaveText("Fail");
  await press("End");
  await expect(here(page)).toHaveText("ended");
  await press("Home");
  await expect(here(page)).toHaveText("opened");
  const speeds = page.getByRole("group", { name: "Speed" }).getByRole("button");
  for (const [i, text] of ["0.5×", "1×", "2×", "5×", "10×"].entries()) {
    await press(String(i + 1));
    await expect(speeds.nth(i)).toHaveAttribute("aria-pressed", "true");
    await expect(speeds.nth(i)).toHaveText(text);
  }
  const idle = page.getByRole("button", { name: "Skip idle" });
  await expect(idle).toHaveAttribute("aria-pressed", "true");
  await press("i");
  await expect(idle).toHaveAttribute("aria-pressed", "false");
  const reading = page.getByRole("navigation", { name: "Reading" }).locator("[aria-current]");
  for (const name of ["This build", "Difference", "As sent"]) {
    await press("v");
    await expect(reading).toHaveText(name);
  }
  await press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await press("ArrowRight"); // not meant for the page below
  await expect(here(page)).toHaveText("opened");
  await press("Escape");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeHidden();
  await press("l");
  await press("e");
  await expect(here(page)).toHaveText("Fail");
  await press("l");
  await expect(page.locator("rect.range")).toHaveCount(1);
  await press("l");
  await expect(page.locator("rect.range")).toHaveCount(0);
  // Typing is typing.
  await press("/");
  const filter = page.getByLabel("Filter events");
  await expect(filter).toBeFocused();
  await page.keyboard.type("e.s1");
  await expect(filter).toHaveValue("e.s1");
  await expect(page.locator(".none")).toContainText("No event has that");
  await expect(here(page)).toHaveCount(0);
  await filter.fill("add");
  await expect(page.locator(".events .name")).toHaveText(["Add", "Add", "Add"]);
});

test("playing goes on by itself, and ends", async ({ page, theatre }) => {
  await play(page, theatre.url);
  // At this speed it may be over before a test can look.
  await page.evaluate(() => {
    const paused = () => document.querySelector('.controls [aria-label="Pause"]') !== null;
    new MutationObserver(() => paused() && Object.assign(window, { played: true })).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await page.keyboard.press("5");
  await page.keyboard.press("Space");
  await expect.poll(() => page.evaluate(() => (window as unknown as { played?: boolean }).played)).toBe(true);
  await expect(here(page)).toHaveText("ended");
  await expect(page.getByRole("button", { name: "Play" })).toBeVisible();
  await expect(page).toHaveURL(/f=\d+/);
  // All of it again and again, so that it does not end while this test looks.
  await page.keyboard.press("l");
  await page.keyboard.press("Home");
  await expect(here(page)).toHaveText("opened");
  await page.keyboard.press("l");
  await expect(page.locator("rect.range")).toHaveCount(1);
  await page.keyboard.press("1");
  await page.getByRole("button", { name: "Play" }).click();
  await expect(count(page)).not.toHaveText("0");
  await page.getByRole("button", { name: "Pause" }).click();
  const at = await page.locator(".time b").textContent();
  await expect(page.getByRole("button", { name: "Play" })).toBeVisible();
  await expect(page.locator(".time b")).toHaveText(at!);
});

test("the timeline is dragged, and is a slider", async ({ page, theatre }) => {
  await play(page, theatre.url);
  const line = page.locator(".timeline svg");
  const box = (await line.boundingBox())!;
  await page.mouse.move(box.x + 2, box.y + 10);
  await page.mouse.down();
  for (const part of [0.2, 0.5, 0.8, 1]) await page.mouse.move(box.x + box.width * part, box.y + 12);
  await page.mouse.up();
  await expect(here(page)).toHaveText("ended");
  const slider = page.getByRole("slider", { name: "Time" });
  await expect(slider).toHaveAttribute("aria-valuetext", /^\d:\d\d of \d:\d\d, frame \d+ of \d+$/);
  const end = await slider.inputValue();
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(here(page)).toHaveText("Toggle");
  expect(Number(await slider.inputValue())).toBeLessThan(Number(end));
  await page.mouse.click(box.x + 1, box.y + 30);
  await expect(here(page)).toHaveText(/opened|connected/);
  expect(await page.locator(".mark.error title").allTextContents()).toEqual([expect.stringMatching(/Fail: /)]);
});

test("readings, sizes, marks and tabs", async ({ page, theatre }) => {
  await play(page, theatre.url);
  await control(page, "Next event").click();
  await page.getByRole("link", { name: "Outline changes" }).click();
  await expect(stage(page).locator("output[data-replay-changed]")).toHaveText("1");
  await expect(stage(page).locator("output")).toHaveCSS("outline-style", "solid");
  await page.getByRole("link", { name: "Difference" }).click();
  await expect(page).toHaveURL(/reading=diff/);
  await expect(count(page)).toHaveText("1");
  await expect(stage(page).locator("[data-replay-changed]")).toHaveCount(0);
  await page.getByRole("link", { name: "100 %" }).click();
  const width = (): Promise<number> => page.locator(".window").evaluate((el) => el.getBoundingClientRect().width);
  await expect.poll(width).toBe(800);
  await page.getByRole("link", { name: "Fit" }).click();
  const screen = await page.locator(".screen").evaluate((el) => el.clientWidth);
  await expect.poll(width).toBeLessThanOrEqual(screen);

  const tab = (name: string): Promise<void> => page.locator(".tabs").getByRole("link", { name }).click();
  await tab("State");
  await expect(page.locator(".state-tree")).toContainText(/Count\s*0\s*1/);
  await page.getByRole("link", { name: "Changed in this frame" }).click();
  await expect(page.locator(".state-tree")).not.toContainText("Note");
  await control(page, "Next frame").click();
  await expect(page.locator(".state-tree .changed").first()).toContainText("2");
  await tab("Frame");
  await expect(page.locator("#frame")).toContainText("verified");
  await expect(page.locator("#frame dd").nth(2)).toHaveText("Add (event)");
  await tab("Logs");
  await expect(page.locator(".logs li")).toHaveCount(4);
  await expect(page.locator(".logs .future")).toHaveCount(2);
  await page.locator(".logs a").last().click();
  await expect(page.locator(".logs .future")).toHaveCount(0);
  await tab("Info");
  await expect(page.locator("#info")).toContainText("800 × 500");
  await page.reload();
  await expect(page.locator("#info")).toContainText("e2e-1");
});

test("a link leads to a frame", async ({ page, theatre, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await play(page, theatre.url);
  await control(page, "Next event").click();
  await control(page, "Next event").click();
  await expect(count(page)).toHaveText("2");
  await page.keyboard.press("s");
  await expect(page.locator(".said")).toContainText("copied");
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toContain("?f=");
  const other = await context.newPage();
  await open(other, link);
  await expect(count(other)).toHaveText("2");
  // Neither moves the other.
  await control(other, "Last").click();
  await expect(here(other)).toHaveText("ended");
  await expect(count(page)).toHaveText("2");
});

test("a running page is followed, and feels nothing", async ({ page, theatre, context }) => {
  const watched = await context.newPage();
  await open(watched, theatre.url);
  await watched.getByRole("button", { name: "Add" }).click();
  await expect(watched.locator("output")).toHaveText("1");
  await open(page, `${theatre.url}/replay/`);
  await expect(row(page).locator(".pill.live")).toHaveText("Live");
  await row(page).getByRole("link", { name: "Desk" }).click();
  await expect(count(page)).toHaveText("1");
  await watched.getByRole("button", { name: "Add" }).click();
  await expect(count(page)).toHaveText("2");
  await expect(page.locator(".controls .pill.live")).toHaveText(/Live\s*, [\d.]+ m?s behind/);
  await control(page, "First").click();
  await expect(count(page)).toHaveText("0");
  await watched.getByRole("button", { name: "Add" }).click();
  const jump = page.getByRole("button", { name: /Jump to live/ });
  await expect(page.locator(".events .name")).toHaveText(["opened", /.*/, /.*/, /.*/].slice(0, await page.locator(".events li").count()));
  await expect(count(page)).toHaveText("0");
  await jump.click();
  await expect(count(page)).toHaveText("3");
  await expect(watched.locator("output")).toHaveText("3");
  await watched.close();
  await expect(page.locator(".check")).toContainText("verified", { timeout: 20_000 });
  await expect(here(page)).toHaveText("ended");
});

test("a hostile recording runs nothing and asks for kept assets only", async ({ page, theatre, errors }) => {
  errors.allow("'allow-forms' permission is not set"); // said when the form is sent, below
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("dialog", (dialog) => void dialog.dismiss().then(() => asked.push("dialog")));
  await open(page, `${theatre.url}/replay/hostile?zoom=100`);
  for (const reading of ["As sent", "This build", "Difference", "As sent"]) {
    await page.getByRole("link", { name: reading }).click();
    await expect(page.getByRole("navigation", { name: "Reading" }).locator("[aria-current]")).toHaveText(reading);
    await control(page, "Next frame").or(control(page, "Previous frame")).first().waitFor();
  }
  await control(page, "Next frame").click();
  await expect(stage(page).getByRole("heading", { name: "Hostile 1" })).toBeVisible();
  await stage(page).getByText("a way out").click();
  await stage(page).getByRole("button", { name: "send" }).click();
  for (const tab of ["State", "Frame", "Logs", "Info"]) {
    await page.locator(".tabs").getByRole("link", { name: tab }).click();
    await expect(page.locator(".tabs [aria-current]")).toHaveText(tab);
  }
  expect(await page.evaluate(() => "ran" in window)).toBe(false);
  for (const url of asked) expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/(?:replay\/|_live\/)/);
  // Neither does one of its own window, nor a kept picture with a script in it.
  await page.goto(`${theatre.url}/replay/hostile/frames/2`);
  expect(await page.evaluate(() => "ran" in window).catch(() => false)).toBe(false);
});

test("deleting is asked for, and import brings back", async ({ page, theatre }, info) => {
  await play(page, theatre.url);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export" }).click()]);
  const file = info.outputPath("recording.tar");
  await download.saveAs(file);
  const { pathname } = new URL(page.url());
  await page.getByRole("link", { name: "Delete" }).click();
  const ask = page.getByRole("alertdialog");
  await expect(ask).toBeVisible();
  await expect(ask.getByRole("link", { name: "Keep" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(ask.getByRole("button", { name: "Delete" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(ask.getByRole("link", { name: "Keep" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(ask).toBeHidden();
  await page.getByRole("link", { name: "Delete" }).click();
  await ask.getByRole("button", { name: "Delete" }).click();
  await expect(page.locator(".sum")).toContainText("1 saved");
  await expect(page.locator("[data-live-flash]")).toContainText("deleted");
  await page.getByLabel("Exported recording").setInputFiles(file);
  await page.getByRole("button", { name: "Import" }).click();
  await expect(page).toHaveURL(new RegExp(`${pathname}$`));
  await expect(page.locator(".check")).toHaveText(/(\d+) of \1 verified/);
  await open(page, `${theatre.url}/replay/`);
  await page.getByLabel("Exported recording").setInputFiles(file);
  await page.getByRole("button", { name: "Import" }).click();
  await expect(page.locator(".notice")).toContainText("here already");
});

test("long names and addresses push nothing aside", async ({ browser, page, theatre }) => {
  const who = await browser.newContext({ extraHTTPHeaders: { "X-User": "a-rather-long-name-".repeat(9) } });
  await act(who, `${theatre.url}/?page=${"far-away-".repeat(20)}`);
  await who.close();
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.setViewportSize({ width: 1280, height: 800 });
  await open(page, `${theatre.url}/replay/`);
  await expect(page.locator(".sum")).toContainText("2 saved", { timeout: 20_000 });
  await expect(row(page).getByRole("link", { name: "Delete" })).toBeInViewport({ ratio: 1 });
  expect(await wide()).toBeLessThanOrEqual(0);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await wide()).toBeLessThanOrEqual(0);
  await row(page).getByRole("link", { name: "Desk" }).click();
  await expect(page.locator(".check")).toBeVisible();
  for (const width of [390, 900, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expect.poll(wide).toBeLessThanOrEqual(0);
    await expect(page.getByRole("link", { name: "Delete" })).toBeInViewport({ ratio: 1 });
  }
});

test("the list is searched, filtered, and cleared", async ({ page, theatre }) => {
  await act(page.context(), theatre.url);
  await open(page, `${theatre.url}/replay/`);
  await expect(page.locator(".sum")).toContainText("2 saved", { timeout: 20_000 });
  await page.keyboard.press("/");
  await page.keyboard.type("nonesuch");
  await expect(page.locator("tbody tr")).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
  await page.getByRole("link", { name: "Show all" }).click();
  await page.getByLabel(/^Search/).fill("toggle desk");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await expect(page).toHaveURL(/q=toggle\+desk/);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(page.locator("tbody tr")).toHaveCount(2);
  await page.getByRole("link", { name: "Errors", exact: true }).click();
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await page.getByRole("link", { name: "Errors", exact: true }).click();
  await expect(page.locator("tbody tr")).toHaveCount(2);
  await page.locator("select[name=view]").selectOption("main.Hostile");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await page.reload();
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await page.locator("[data-live].live-connected").waitFor();
  await page.locator("tbody input[type=checkbox]").check();
  await page.getByRole("button", { name: "Delete chosen" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("link", { name: /Clear filters|Show all/ }).first().click();
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await page.getByRole("link", { name: "Clear all" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { name: "No recordings yet" })).toBeVisible();
});

test("without an authorizer nothing is there", async ({ request, theatre }) => {
  for (const path of ["", "hostile", "hostile/frames/1", "hostile/export"]) {
    expect((await request.get(`${theatre.url}/closed/${path}`)).status()).toBe(404);
  }
});

test("all of it works as plain pages", async ({ browser, page, theatre }, info) => {
  await act(page.context(), theatre.url);
  await open(page, `${theatre.url}/replay/`);
  await expect(page.locator(".sum")).toContainText("2 saved", { timeout: 20_000 });
  const context = await browser.newContext({ javaScriptEnabled: false });
  const plain = await context.newPage();
  await plain.goto(`${theatre.url}/replay/`);
  await plain.getByLabel(/^Search/).fill("toggle");
  await plain.getByRole("button", { name: "Search" }).click();
  await expect(plain.locator("tbody tr")).toHaveCount(1);
  await plain.getByRole("link", { name: "Desk" }).click();
  await expect(count(plain)).toHaveText("0");
  await control(plain, "Next event").click();
  await expect(count(plain)).toHaveText("1");
  await plain.locator(".events").getByRole("link", { name: /Fail/ }).click();
  await expect(here(plain)).toHaveText("Fail");
  await expect(count(plain)).toHaveText("3");
  await plain.locator(".tabs").getByRole("link", { name: "State" }).click();
  await expect(plain.locator(".state-tree")).toContainText("Count");
  await expect(count(plain)).toHaveText("3");
  await plain.getByRole("link", { name: "This build" }).click();
  await expect(count(plain)).toHaveText("3");
  await expect(plain.getByRole("button", { name: "Play" })).toBeHidden();
  await plain.getByRole("button", { name: "Go" }).click();
  await expect(count(plain)).toHaveText("3");
  const [download] = await Promise.all([plain.waitForEvent("download"), plain.getByRole("link", { name: "Export" }).click()]);
  const file = info.outputPath("plain.tar");
  await download.saveAs(file);
  await plain.getByRole("link", { name: "Delete" }).click();
  await plain.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(plain.locator(".sum")).toContainText("1 saved");
  await plain.getByLabel("Exported recording").setInputFiles(file);
  await plain.getByRole("button", { name: "Import" }).click();
  await expect(count(plain)).toHaveText("0");
  await plain.goto(`${theatre.url}/replay/`);
  await plain.locator("tbody input[type=checkbox]").first().check();
  await plain.getByRole("button", { name: "Delete chosen" }).click();
  await plain.getByRole("alertdialog").getByRole("link", { name: "Keep" }).click();
  await expect(plain.locator(".sum")).toContainText("2 saved");
  await context.close();
});

/**
 * No rule is off, and no element left out. Inside the stage's sandbox no script runs, so not axe either (the legacy mode
 * is the one that does not wait for it): what is in it is tested by itself.
 */
async function accessible(page: Page, picture: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`)).toEqual([]);
  await page.screenshot({ path: join(import.meta.dirname, ".out", "replay", `${picture}.png`) });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`everything is accessible in ${colorScheme} colours`, async ({ browser, theatre }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await open(page, `${theatre.url}/empty/`);
    await accessible(page, `empty-${colorScheme}`);
    await play(page, theatre.url);
    await control(page, "Next error").click();
    for (const tab of ["Events", "State", "Frame", "Logs", "Info"]) {
      await page.locator(".tabs").getByRole("link", { name: tab }).click();
      await expect(page.locator(".tabs [aria-current]")).toHaveText(tab);
      await accessible(page, `${tab.toLowerCase()}-${colorScheme}`);
    }
    await page.getByRole("button", { name: "Keys" }).click();
    await accessible(page, `keys-${colorScheme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Delete" }).click();
    await accessible(page, `delete-${colorScheme}`);
    await page.keyboard.press("Escape");
    const watched = await context.newPage();
    await open(watched, theatre.url);
    await watched.getByRole("button", { name: "Add" }).click();
    await expect(watched.locator("output")).toHaveText("1");
    await open(page, `${theatre.url}/replay/`);
    await expect(row(page).locator(".pill.live")).toBeVisible({ timeout: 20_000 }); // it looks every five seconds
    await accessible(page, `list-${colorScheme}`);
    await row(page).filter({ has: page.locator(".pill.live") }).getByRole("link", { name: "Desk" }).click();
    await expect(page.locator(".controls .pill.live")).toBeVisible();
    await accessible(page, `live-${colorScheme}`);
    await open(page, `${theatre.url}/replay/?q=nobody`);
    await accessible(page, `nothing-found-${colorScheme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await open(page, `${theatre.url}/replay/`);
    await accessible(page, `list-narrow-${colorScheme}`);
    await open(page, `${theatre.url}/replay/hostile`);
    await accessible(page, `damaged-${colorScheme}`);
    const unshown = await page.request.get(`${theatre.url}/replay/hostile/frames/1?reading=built`);
    await page.setContent((await unshown.text()).replace("<head>", `<head><base href="${theatre.url}">`));
    await expect(page.getByRole("heading", { name: "This frame cannot be shown" })).toBeVisible();
    await accessible(page, `cannot-be-shown-${colorScheme}`);
    await page.request.post(`${theatre.url}/store?fail=1`);
    await open(page, `${theatre.url}/replay/`);
    await expect(page.getByRole("heading", { name: "The store does not answer" })).toBeVisible();
    await accessible(page, `store-down-${colorScheme}`);
    await open(page, `${theatre.url}/replay/unknown`);
    await expect(page.getByRole("heading", { name: "The store does not answer" })).toBeVisible();
    await accessible(page, `player-down-${colorScheme}`);
    await page.request.post(`${theatre.url}/store`);
    await page.getByRole("link", { name: "All recordings" }).last().click();
    await expect(page.locator("tbody tr").first()).toBeVisible();
    await context.close();
  });
}
