/** What comes back, by the scope of its field: for the counter, for a page with a form, and for a child that is such a page. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { type Home, type Program, expect, open, saved, test, watchJoins } from "./fixtures.ts";

/** A page with fields of both scopes. */
interface Subject {
  readonly program: Program;
  readonly path: string;
  /** Where the browser goes in between. */
  readonly elsewhere: string;
  /** Adds one to the session's count. */
  add(page: Page): Promise<void>;
  /** Writes the page's own draft. */
  write(page: Page, draft: string): Promise<void>;
  /** What the page shows of both: the count, and the draft as the server has it. */
  shows(page: Page, count: number, draft: string): Promise<void>;
}

const fields: Subject = {
  program: "site",
  path: "/stored",
  elsewhere: "/forms",
  async add(page) {
    const next = Number(await page.locator("#sum").textContent()) + 1;
    await page.locator("#increase").click();
    await page.locator("#name").fill(`name ${next}`);
    await page.locator("#rename").click();
  },
  async write(page, draft) {
    await page.locator("#draft").fill(draft);
    await page.locator("#tap").click();
  },
  async shows(page, count, draft) {
    await expect(page.locator("#sum")).toHaveText(String(count));
    await expect(page.locator("#named")).toHaveText(count === 0 ? "" : `name ${count}`);
    await expect(page.locator("#name")).toHaveValue(count === 0 ? "" : `name ${count}`);
    await expect(page.locator("#drafted")).toHaveText(draft);
    await expect(page.locator("#draft")).toHaveValue(draft);
    await expect(page.locator("#taps")).toHaveText(draft === "" ? "0" : "1");
  },
};

const subjects: readonly Subject[] = [
  {
    program: "counter",
    path: "/",
    elsewhere: "about:blank",
    async add(page) {
      await page.getByRole("button", { name: "Add one" }).click();
    },
    async write(page, draft) {
      await page.getByLabel("A note").fill(draft);
      for (let i = 1; i <= draft.length; i++) {
        await page.getByRole("button", { name: "Only on this page" }).click();
        await expect(page.locator(".here")).toHaveText(String(i));
      }
    },
    async shows(page, count, draft) {
      await expect(page.locator("output")).toHaveText(String(count));
      await expect(page.locator(".here")).toHaveText(String(draft.length));
      await expect(page.getByLabel("A note")).toHaveAttribute("value", draft);
      await expect(page.getByLabel("A note")).toHaveValue(draft);
    },
  },
  fields,
  // The same fields, of a child.
  { ...fields, path: "/nested" },
];

/** One page of one home, in which both scopes have values that are saved. */
async function prepare(subject: Subject, home: Home, page: Page): Promise<void> {
  await open(page, home.url + subject.path);
  await subject.add(page);
  await subject.write(page, "abc");
  await subject.shows(page, 1, "abc");
  await saved(page);
}

/** Waits for a page's next join, and for how it was answered. */
async function rejoined(page: Page, joins: string[], how: string): Promise<void> {
  await expect.poll(() => joins.length).toBeGreaterThan(1);
  expect(joins.slice(1)).toEqual([how]);
  await saved(page);
}

/** All that the home has in its bucket. */
function stored({ data }: Home): string {
  const dir = join(data, "state");
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

for (const subject of subjects) {
  test.describe(`${subject.program}${subject.path}`, () => {
    test("gone and come back by a link: the session's values, a blank page", async ({ page, home }) => {
      const at = await home(subject.program);
      await prepare(subject, at, page);
      await page.goto(new URL(subject.elsewhere, at.url).href);
      const html = await (await page.request.get(at.url + subject.path)).text();
      expect(html, "the raw HTML has the session's values").toContain(subject.program === "site" ? "name 1" : ">1</output>");
      expect(html, "not in an attribute, not in a text; the page token may hold any letters").not.toMatch(/[">]abc["<]/);
      await open(page, at.url + subject.path);
      await subject.shows(page, 1, "");
    });

    test("reloaded: the session's values, a blank page", async ({ page, home }) => {
      const at = await home(subject.program);
      await prepare(subject, at, page);
      await page.reload();
      await page.locator("[data-live].live-connected").waitFor();
      await subject.shows(page, 1, "");
    });

    test("the connection is cut: both", async ({ page, home }) => {
      const at = await home(subject.program);
      const joins = await watchJoins(page);
      await prepare(subject, at, page);
      at.proxy.cut();
      await rejoined(page, joins, "resume");
      await subject.shows(page, 1, "abc");
      await subject.add(page);
      await subject.shows(page, 2, "abc");
    });

    test("the server is killed, and started again on its port: both", async ({ page, home, errors }) => {
      errors.allow("WebSocket connection");
      errors.allow("ERR_CONNECTION_REFUSED");
      const at = await home(subject.program);
      const joins = await watchJoins(page);
      await open(page, at.direct + subject.path);
      await subject.add(page);
      await subject.write(page, "abc");
      await subject.shows(page, 1, "abc");
      await saved(page);
      expect(await at.end("SIGKILL")).toBe("SIGKILL");
      await at.start(new URL(at.direct).host);
      await rejoined(page, joins, "mount");
      await subject.shows(page, 1, "abc");
    });

    test("the server is stopped, and started on another port: both, and the session's on its own address", async ({ page, context, home }) => {
      const at = await home(subject.program);
      const joins = await watchJoins(page);
      await prepare(subject, at, page);
      const before = at.direct;
      expect(await at.end("SIGTERM")).toBe(0);
      await at.start();
      expect(at.direct).not.toBe(before);
      await rejoined(page, joins, "mount");
      await subject.shows(page, 1, "abc");
      const other = await context.newPage();
      await open(other, at.direct + subject.path);
      await subject.shows(other, 1, "");
      await subject.add(page);
      await subject.shows(page, 2, "abc");
      await subject.shows(other, 2, "");
    });

    test("a second tab has a draft of its own, and leaves the first one's", async ({ page, context, home }) => {
      const at = await home(subject.program);
      const joins = await watchJoins(page);
      await prepare(subject, at, page);
      const second = await context.newPage();
      await open(second, at.url + subject.path);
      await subject.shows(second, 1, "");
      await subject.write(second, "second");
      await subject.shows(second, 1, "second");
      await saved(second);
      await at.end("SIGKILL");
      await at.start();
      await rejoined(page, joins, "mount");
      await subject.shows(page, 1, "abc");
      await subject.shows(second, 1, "second");
    });

    test("a duplicated tab has a draft of its own, and leaves the first one's", async ({ page, context, home }) => {
      const at = await home(subject.program);
      const joins = await watchJoins(page);
      const answer = page.waitForResponse(at.url + subject.path);
      await prepare(subject, at, page);
      const html = await (await answer).text();
      // To the browser an answer from this test comes from nowhere, and might not connect to this machine.
      await context.grantPermissions(["local-network-access"]);
      const copy = await context.newPage();
      await copy.route(at.url + subject.path, (route) => route.fulfill({ contentType: "text/html", body: html }));
      await open(copy, at.url + subject.path);
      const token = (p: Page): Promise<string | null> => p.locator("[data-live]").getAttribute("data-live");
      expect(await token(copy)).toBe(await token(page));
      await subject.shows(copy, 1, "");
      await subject.write(copy, "copied");
      await subject.shows(copy, 1, "copied");
      await saved(copy);
      await subject.shows(page, 1, "abc");
      // Both are one page by their token: that they are two must survive the server, too.
      await at.end("SIGKILL");
      await at.start();
      await rejoined(page, joins, "mount");
      await subject.shows(page, 1, "abc");
      await subject.shows(copy, 1, "copied");
    });

    test("back in the history: a blank page, and the draft that was left stays", async ({ page, home }) => {
      const at = await home(subject.program);
      await prepare(subject, at, page);
      const token = await page.locator("[data-live]").getAttribute("data-live");
      await page.goto(new URL(subject.elsewhere, at.url).href);
      await page.goBack();
      await page.locator("[data-live].live-connected").waitFor();
      // The browser shows the HTML that it still has: a page that says it is the one that was left.
      expect(await page.locator("[data-live]").getAttribute("data-live")).toBe(token);
      await subject.shows(page, 1, "");
      await subject.write(page, "again");
      await subject.shows(page, 1, "again");
      await saved(page);
      expect(stored(at)).toContain('"again"');
      expect(stored(at), "the draft that was left").toContain('"abc"');
    });

    test("another browser starts with defaults", async ({ page, browser, home }) => {
      const at = await home(subject.program);
      await prepare(subject, at, page);
      const context = await browser.newContext();
      const other = await context.newPage();
      await open(other, at.url + subject.path);
      await subject.shows(other, 0, "");
      await subject.add(other);
      await subject.add(page);
      await subject.shows(page, 2, "abc");
      await subject.shows(other, 1, "");
      await context.close();
    });

    test("a change shows in another tab without any action there, and its typing stays", async ({ page, context, home }) => {
      const at = await home(subject.program);
      await prepare(subject, at, page);
      const other = await context.newPage();
      await open(other, at.url + subject.path);
      // Typed, and not sent: the site's form waits for its button, the counter's note is held back for a moment.
      const field = other.getByLabel(subject.program === "site" ? "Name" : "A note");
      await field.fill("unsent");
      await field.press("ArrowLeft");
      await subject.add(page);
      await expect(other.locator("output")).toHaveText("2");
      if (subject.program === "site") await expect(other.locator("#named")).toHaveText("name 2");
      await expect(field).toHaveValue("unsent");
      await expect(field).toBeFocused();
      expect(await field.evaluate((el: HTMLInputElement) => el.selectionStart)).toBe("unsent".length - 1);
    });
  });
}

test("back to a page that the browser has kept as it was: the same page", async ({ playwright, home }) => {
  const subject = subjects[0]!;
  const at = await home(subject.program);
  const { launchOptions } = test.info().project.use;
  const browser = await playwright.chromium.launch({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  try {
    const page = await browser.newPage();
    const joins = await watchJoins(page);
    await prepare(subject, at, page);
    await page.evaluate(() => addEventListener("pageshow", ({ persisted }) => Object.assign(window, { persisted })));
    await page.goto(`${at.url}/static/counter.css`);
    await page.goBack({ waitUntil: "commit" });
    await rejoined(page, joins, "resume");
    expect(await page.evaluate(() => (window as unknown as { persisted?: boolean }).persisted)).toBe(true);
    await subject.shows(page, 1, "abc");
    await subject.add(page);
    await subject.shows(page, 2, "abc");
  } finally {
    await browser.close();
  }
});

test("the view panics: both, and not what it was about to change", async ({ page, home }) => {
  const subject = subjects[1]!;
  const at = await home("site");
  await prepare(subject, at, page);
  await page.locator("#break").click();
  await expect(page.getByRole("alert")).toContainText("started afresh");
  await saved(page);
  await subject.shows(page, 1, "abc");
  await subject.add(page);
  await subject.shows(page, 2, "abc");
  await saved(page);
  // The second time within a minute the stored values are suspect: they are left alone, and not shown.
  await page.locator("#break").click();
  await page.locator("[data-live].live-unsaved").waitFor();
  await expect(page.locator("#sum")).toHaveText("0");
  await page.locator("#tap").click();
  await expect(page.locator("#taps")).toHaveText("1");
  await expect(page.locator("[data-live]")).toHaveClass(/live-unsaved/);
  await open(page, `${at.url}/stored`);
  await subject.shows(page, 2, "");
});
