/** Typing ahead of a slow network, into a field that the server checks: a second to the server, and a second back. */
import { expect, open, test, watchJoins } from "./fixtures.ts";

/** Milliseconds each way. */
const DELAY = 1_000;
/** Milliseconds between two keys: ten a second. */
const PACE = 100;
const KEYS = 200;

for (const drops of [0, 5]) {
  test(`${KEYS} keys${drops ? `, while the connection is lost ${drops} times` : ""}: none is lost, the caret stays, both sides agree`, async ({ page, home, errors }) => {
    test.setTimeout(120_000);
    if (drops) for (const text of ["WebSocket connection", "ERR_CONNECTION_", "ERR_EMPTY_RESPONSE"]) errors.allow(text);
    const at = await home("site");
    const joins = await watchJoins(page);
    await open(page, `${at.url}/basket`);
    const field = page.locator("#name");
    await field.focus();
    at.proxy.delay = DELAY;
    await page.evaluate(() => {
      new MutationObserver(() => {
        if (document.querySelector(".live-problem")) Object.assign(window, { checked: true });
      }).observe(document.body, { subtree: true, childList: true });
    });
    let [text, caret] = ["", 0];
    for (let key = 0; key < KEYS; key++) {
      // Now and then the user goes back to a place in the middle, and on at the end.
      if (key % 50 === 20) {
        await page.keyboard.press("Home");
        for (caret = 0; caret < 3; caret++) await page.keyboard.press("ArrowRight");
      } else if (key % 50 === 40) {
        await page.keyboard.press("End");
        caret = text.length;
      }
      const letter = String.fromCharCode(97 + (key % 26));
      text = text.slice(0, caret) + letter + text.slice(caret);
      caret++;
      await page.keyboard.type(letter, { delay: PACE }); // holds the key for as long
      expect(await field.evaluate((el: HTMLInputElement) => [el.value, el.selectionStart, el.selectionEnd])).toEqual([text, caret, caret]);
      if (drops && key % (KEYS / drops) === 15) at.proxy.cut();
    }
    const ended = Date.now();
    await expect(page.locator("#echo")).toHaveText(text, { timeout: 30_000 });
    await expect(page.locator("form")).not.toHaveClass(/live-pending/, { timeout: 30_000 });
    console.log(`the last key was answered after ${Date.now() - ended} ms, ${joins.length} joins`);
    await expect(field).toHaveValue(text);
    await expect(field).toBeFocused();
    expect(await field.evaluate((el: HTMLInputElement) => [el.selectionStart, el.selectionEnd])).toEqual([caret, caret]);
    await expect(field).toHaveAttribute("value", text);
    // The server checked the first keys alone, and told so. After a lost connection its answer may be to all keys at once.
    if (!drops) expect(await page.evaluate(() => (window as unknown as { checked?: boolean }).checked)).toBe(true);
    // A connection may be cut again before it has joined.
    expect(joins.slice(1).every((how) => how === "resume")).toBe(true);
    expect(joins.length > 1).toBe(drops > 0);
    at.proxy.delay = 0;
  });
}
