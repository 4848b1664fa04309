/** The three-way rule: an update that does not concern an element leaves what the user or a script did to it. */
import type { Page, WebSocketRoute } from "@playwright/test";
import { cut, expect, open, test } from "./fixtures.ts";

async function update(page: Page): Promise<void> {
  const before = Number(await page.locator("#n").textContent());
  await page.locator("#inc").evaluate((el: HTMLButtonElement) => el.click());
  await expect(page.locator("#n")).toHaveText(String(before + 1));
}

const things: [name: string, act: (page: Page) => Promise<void>, holds: (page: Page) => Promise<void>][] = [
  [
    "an opened details element",
    (page) => page.locator("summary").click(),
    async (page) => expect(await page.locator("#details").evaluate((el: HTMLDetailsElement) => el.open)).toBe(true),
  ],
  ["text in an input without a value", (page) => page.locator("#free").fill("mine"), (page) => expect(page.locator("#free")).toHaveValue("mine")],
  ["text in an input with a value", (page) => page.locator("#preset").fill("mine"), (page) => expect(page.locator("#preset")).toHaveValue("mine")],
  ["text in a textarea", (page) => page.locator("#area").fill("mine"), (page) => expect(page.locator("#area")).toHaveValue("mine")],
  ["a ticked box", (page) => page.locator("#box").check(), (page) => expect(page.locator("#box")).toBeChecked()],
  ["a chosen radio button", (page) => page.locator("#radio-b").check(), (page) => expect(page.locator("#radio-b")).toBeChecked()],
  [
    "a chosen option",
    async (page) => {
      await page.locator("#choice").selectOption("b");
    },
    (page) => expect(page.locator("#choice")).toHaveValue("b"),
  ],
  [
    "a scroll position",
    (page) => page.locator("#scroller").evaluate((el) => void (el.scrollTop = 500)),
    async (page) => expect(await page.locator("#scroller").evaluate((el) => el.scrollTop)).toBe(500),
  ],
  [
    "classes and attributes set by a script",
    (page) =>
      page.locator("#styled").evaluate((el) => {
        el.classList.add("mine");
        el.setAttribute("data-mine", "1");
      }),
    async (page) => {
      await expect(page.locator("#styled")).toHaveClass("server mine");
      await expect(page.locator("#styled")).toHaveAttribute("data-mine", "1");
    },
  ],
  [
    "children added by a widget",
    (page) =>
      page.evaluate(() => {
        document.querySelector("#widget")!.append(document.createElement("canvas"));
        document.querySelector("[data-live]")!.prepend(document.createElement("aside"));
        document.querySelector("#n")!.before(document.createElement("mark"));
      }),
    async (page) => expect(await page.locator("#widget canvas, [data-live] > aside, [data-live] > mark").count()).toBe(3),
  ],
  [
    "edited content",
    (page) => page.locator("#editable").fill("mine"),
    (page) => expect(page.locator("#editable")).toHaveText("mine"),
  ],
  [
    "a playing video",
    (page) =>
      page.locator("#video").evaluate(async (el: HTMLVideoElement) => {
        const canvas = document.createElement("canvas");
        const draw = (): void => {
          canvas.getContext("2d")!.fillRect(0, 0, Math.random() * 9, 9);
          requestAnimationFrame(draw);
        };
        draw();
        el.srcObject = canvas.captureStream();
        await el.play();
      }),
    async (page) => expect(await page.locator("#video").evaluate((el: HTMLVideoElement) => el.paused)).toBe(false),
  ],
  [
    // The last one: what is outside of it cannot be used while it is open.
    "a modal dialog",
    (page) => page.locator("#dialog").evaluate((el: HTMLDialogElement) => el.showModal()),
    async (page) => expect(await page.locator("#dialog").evaluate((el: HTMLDialogElement) => el.open && el.matches(":modal"))).toBe(true),
  ],
];

for (const [name, act, holds] of things) {
  test(`an update keeps ${name}`, async ({ page, site }) => {
    await open(page, `${site.url}/things`);
    await act(page);
    await update(page);
    await holds(page);
    await update(page);
    await holds(page);
  });
}

test("all of it at once is kept over a cut connection", async ({ page, site }) => {
  await open(page, `${site.url}/things`);
  for (const [, act] of things) await act(page);
  let sockets = 0;
  page.on("websocket", () => sockets++);
  await cut(site);
  await expect.poll(() => sockets).toBe(1);
  await page.locator("[data-live].live-connected").waitFor();
  await update(page);
  for (const [, , holds] of things) await holds(page);
});

test("all of it at once is kept when the server has forgotten the page and mounts it afresh", async ({ page, site, errors }) => {
  errors.allow("livelong:");
  const joined: string[] = [];
  let client: WebSocketRoute | undefined;
  await page.routeWebSocket(/things/, (socket) => {
    client = socket;
    const server = socket.connectToServer();
    socket.onMessage((text) => server.send(String(text).replace(/"secret":"[^"]*"/, '"secret":"forgotten"')));
    server.onMessage((text) => {
      const how = /"how":"(\w+)"/.exec(String(text));
      if (how) joined.push(how[1]!);
      socket.send(text);
    });
  });
  await open(page, `${site.url}/things`);
  await update(page);
  for (const [, act] of things) await act(page);
  await client!.close({ code: 1001 });
  await expect.poll(() => joined).toEqual(["adopt", "mount"]);
  await expect(page.locator("#n")).toHaveText("0");
  for (const [, , holds] of things) await holds(page);
  await update(page);
  for (const [, , holds] of things) await holds(page);
});
