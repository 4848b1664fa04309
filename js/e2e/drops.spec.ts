/** The connection is cut again and again while somebody types and clicks. Nothing is lost, and nothing counts twice. */
import { expect, latency as slow, open, saved, slowable, test, visited, watchJoins, watchStatus } from "./fixtures.ts";
import { randoms } from "./random.ts";

for (const { drops, latency } of [
  { drops: 200, latency: 0 },
  { drops: 60, latency: 50 },
]) {
  test(`${drops} drops while the user types and clicks${latency ? `, on a network that takes ${latency} ms` : ""}`, async ({ page, home, errors }) => {
    test.setTimeout(240_000);
    errors.allow("WebSocket connection");
    errors.allow("ERR_CONNECTION_");
    errors.allow("ERR_EMPTY_RESPONSE");
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`SEED=${seed}`);
    const random = randoms(seed);
    const below = (n: number): number => Math.floor(random(n));
    const at = await home("site");
    const said = await watchStatus(page);
    const joins = await watchJoins(page);
    if (latency) await slowable(page);
    await open(page, `${at.url}/trouble`);
    let loads = 0;
    page.on("domcontentloaded", () => loads++);
    const typed = page.locator("#typed");
    const inc = page.locator("#inc");
    await typed.focus();
    if (latency) await slow(page, latency);
    // The user's side: what is typed is where it was typed, whatever the network does.
    let [text, caret, clicks] = ["", 0, 0];
    async function act(): Promise<void> {
      const what = below(10);
      if (what < 5) {
        const letter = String.fromCharCode(97 + below(26));
        await page.keyboard.type(letter);
        text = text.slice(0, caret) + letter + text.slice(caret);
        caret++;
      } else if (what < 6 && caret > 0) {
        await page.keyboard.press("ArrowLeft");
        caret--;
      } else if (what < 7 && caret > 0) {
        await page.keyboard.press("Backspace");
        text = text.slice(0, caret - 1) + text.slice(caret);
        caret--;
      } else {
        // Leaves the focus where it is. A click before the answer to the last one would be ignored.
        const counts = await inc.evaluate((el: HTMLElement) => !el.classList.contains("live-pending") && (el.click(), true));
        if (counts) clicks++;
      }
    }
    // The network is back, which ends the growing pauses.
    const connected = () => page.evaluate(() => document.querySelector("[data-live]")!.classList.contains("live-connected") || !dispatchEvent(new Event("online")));
    for (let drop = 0; drop < drops; drop++) {
      for (let i = below(5); i > 0; i--) await act();
      // Some time after an action has begun: before it is sent, on its way, before its answer, after all of it.
      const [action, turns] = [act(), below(300)];
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      // By the network, or by the server's side of it.
      if (below(2) === 0) at.proxy.cut();
      else await fetch(`${at.direct}/cut`);
      await action;
      for (let i = below(3); i > 0; i--) await act();
      // Sometimes the next drop comes before that has helped.
      await expect.poll(connected).toBe(true);
      if (below(4) === 0) at.proxy.cut();
    }
    // The page may not know of the last drop yet.
    await expect.poll(async () => (await connected()) && (await page.locator("#echo").textContent()), { timeout: 20_000 }).toBe(text);
    await expect(page.locator("#n")).toHaveText(String(clicks));
    await expect(page.locator(".live-pending")).toHaveCount(0);
    await expect(typed).toHaveValue(text);
    await expect(typed).toBeFocused();
    expect(await typed.evaluate((el: HTMLInputElement) => [el.selectionStart, el.selectionEnd])).toEqual([caret, caret]);
    await saved(page);
    expect(await page.locator("[data-live]").innerHTML()).toBe(await visited(page, `${at.url}/trouble`));
    expect(loads).toBe(0);
    const again = joins.slice(1);
    expect(again.filter((how) => how !== "resume")).toEqual([]);
    // A drop may come before the one before is over.
    expect(again.length).toBeGreaterThanOrEqual(drops / 4);
    console.log(`${again.length} times resumed, ${clicks} clicks, ${text.length} letters, said ${said.length} times that the connection was lost`);
  });
}
