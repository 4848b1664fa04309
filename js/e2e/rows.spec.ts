import { expect, open, test } from "./fixtures.ts";

test("reordered rows keep their nodes, focus, text and frames", async ({ page, site }) => {
  await open(page, `${site.url}/rows/6`);
  await page.evaluate(() => {
    for (const row of document.querySelectorAll("tbody tr")) (row as { mark?: string | null }).mark = row.getAttribute("live-key");
  });
  await page.waitForLoadState("networkidle");
  await page.locator("#in0").pressSequentially("typed");
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  for (const [button, want] of [
    ["rotate", "123450"],
    ["reverse", "054321"],
    ["rotate", "543210"],
  ] as const) {
    await page.locator(`#${button}`).evaluate((el: HTMLButtonElement) => el.click());
    await expect.poll(() => page.evaluate(() => [...document.querySelectorAll("tbody tr")].map((row) => (row as { mark?: string }).mark).join(""))).toBe(want);
    await expect(page.locator("#in0")).toBeFocused();
    await expect(page.locator("#in0")).toHaveValue("typed");
  }
  if (await page.evaluate(() => "moveBefore" in Element.prototype)) expect(loads, "frames loaded again").toBe(0);
});

test("500 rows are reversed by one small frame", async ({ page, site }) => {
  const frames: string[] = [];
  page.on("websocket", (ws) => ws.on("framereceived", (f) => frames.push(String(f.payload))));
  await open(page, `${site.url}/rows/500`);
  await page.locator("#reverse").click();
  await expect(page.locator("tbody tr").first().locator("td").first()).toHaveText("499");
  console.log(`500 rows reversed: ${frames.at(-1)!.length} B`);
  expect(frames.at(-1)!.length).toBeLessThanOrEqual(2_100);
});

test("one cell of 5,000 rows is one mutation and builds no HTML", async ({ page, site }) => {
  await open(page, `${site.url}/rows/5000`);
  await page.locator("#bump").click();
  await expect(page.locator("tbody tr").nth(2500).locator(".cell")).toHaveText("1");
  const result = await page.evaluate(async () => {
    const records: MutationRecord[] = [];
    const observer = new MutationObserver((list) => records.push(...list));
    observer.observe(document.querySelector("tbody")!, { subtree: true, childList: true, characterData: true, attributes: true });
    let built = 0;
    const html = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML")!;
    Object.defineProperty(Element.prototype, "innerHTML", {
      ...html,
      set(this: Element, value: string) {
        built++;
        html.set!.call(this, value);
      },
    });
    const patched = new Promise<{ ms: number; bytes: number }>((resolve) =>
      addEventListener("live:patched", (event) => resolve((event as CustomEvent<{ ms: number; bytes: number }>).detail), { once: true }),
    );
    document.querySelector<HTMLButtonElement>("#bump")!.click();
    const { ms, bytes } = await patched;
    await Promise.resolve();
    records.push(...observer.takeRecords());
    return { ms, bytes, built, records: records.length };
  });
  console.log(`one cell of 5,000 rows: ${result.bytes} B, ${result.ms.toFixed(3)} ms of script, ${result.records} mutation`);
  expect(result.records).toBe(1);
  expect(result.built).toBe(0);
  expect(result.ms).toBeLessThan(10);
});
