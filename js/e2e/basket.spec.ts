/** A form with rows, checked while it is filled in, on a real server. */
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { cut, expect, open, test } from "./fixtures.ts";

/** Presses a button and leaves the focus where it is. */
const press = (page: Page, name: string, line?: number): Promise<void> =>
  (line === undefined ? page : page.getByRole("group", { name: `Line ${line}` })).getByRole("button", { name, exact: true }).evaluate((el: HTMLElement) => el.click());

const title = (page: Page, line: number) => page.locator(`#title${line}`);

const order = (page: Page): Promise<string[]> => page.locator("fieldset > legend").evaluateAll((list) => list.map((el) => el.textContent.replace("Line ", "")));

async function lines(page: Page, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    await page.getByRole("button", { name: "Add a line" }).click();
    await expect(page.locator("fieldset")).toHaveCount(i);
  }
}

test("lines are added, moved and dropped while another one is being typed", async ({ page, home }) => {
  const at = await home("site");
  await open(page, `${at.url}/basket`);
  await lines(page, 3);
  await title(page, 1).fill("one");
  await title(page, 3).fill("three");
  await title(page, 2).fill("to");
  await page.keyboard.press("ArrowLeft");
  await expect(page.locator("#lines")).toHaveText("[1 one][1 to][1 three]");
  await page.locator("fieldset").evaluateAll((list) => list.forEach((el, i) => Object.assign(el, { mark: i + 1 })));
  // Each step is done before the one before is answered, and typed into meanwhile.
  at.proxy.delay = 150;
  for (const [step, shown] of [
    [() => press(page, "up", 3), ["1", "3", "2"]],
    [() => press(page, "drop", 1), ["3", "2"]],
    [() => press(page, "Add a line"), ["3", "2", "4"]],
    [() => press(page, "up", 2), ["2", "3", "4"]],
  ] as const) {
    await page.keyboard.type("w");
    await step();
    await page.keyboard.type("x");
    await page.keyboard.press("Backspace");
    await expect.poll(() => order(page)).toEqual(shown);
    await expect(page.locator("form")).not.toHaveClass(/live-pending/);
  }
  await page.keyboard.type("!");
  await expect(page.locator("#lines")).toHaveText("[1 twwww!o][1 three][1 ]");
  await expect(title(page, 2)).toHaveValue("twwww!o");
  await expect(title(page, 2)).toBeFocused();
  expect(await title(page, 2).evaluate((el: HTMLInputElement) => [el.selectionStart, el.selectionEnd])).toEqual([6, 6]);
  await expect(title(page, 3)).toHaveValue("three");
  expect(await page.locator("fieldset").evaluateAll((list) => list.map((el) => (el as unknown as { mark?: number }).mark))).toEqual([2, 3, undefined]);
});

test("a field that nobody has been to shows no error, one that is wrong says what to do", async ({ page, site }) => {
  await open(page, `${site.url}/basket`);
  await lines(page, 1);
  const problems = page.locator(".live-problem");
  await expect(problems).toHaveCount(0);
  await title(page, 1).fill("much too long for a title");
  await expect(problems).toHaveText(["must be at most 20 characters long"]);
  await expect(title(page, 1)).toHaveAttribute("aria-invalid", "true");
  await expect(title(page, 1)).toHaveAccessibleDescription("must be at most 20 characters long");
  await expect(page.locator("#name")).not.toHaveAttribute("aria-invalid");
  await page.locator("#count1").fill("10");
  await expect(problems).toHaveText(["must be at most 20 characters long", "must be at most 9"]);
  await title(page, 1).fill("short");
  await expect(problems).toHaveText(["must be at most 9"]);
  await expect(title(page, 1)).not.toHaveAttribute("aria-describedby");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(problems).toHaveText(["must be filled in", "must be at most 9"]);
  await expect(page.locator("#name")).toHaveAccessibleDescription("must be filled in");
  const { violations } = await new AxeBuilder({ page }).include("main").analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
  // A reset button brings back what is rendered, and forgets where the user has been.
  await page.getByRole("button", { name: "Reset" }).click();
  await expect(problems).toHaveCount(0);
});

test("a saved form is empty, also where its fields were rendered empty before", async ({ page, site }) => {
  await open(page, `${site.url}/basket`);
  for (const name of ["Ada", "Grace"]) {
    await page.locator("#name").fill(name);
    await page.locator("#name").press("Enter");
    await expect(page.locator("#saved")).toHaveText(name);
    await expect(page.locator("#name")).toHaveValue("");
    await expect(page.locator("#name")).toBeFocused();
  }
});

test("three times Enter while the handler takes its time call it once", async ({ page, site }) => {
  await open(page, `${site.url}/basket`);
  await page.locator("#name").fill("hold");
  for (let i = 0; i < 3; i++) await page.locator("#name").press("Enter");
  await expect(page.getByRole("button", { name: "Saving…" })).toBeDisabled();
  await fetch(`${site.url}/trouble?do=release`);
  await expect(page.getByRole("button", { name: "Save" })).toBeEnabled();
  await expect(page.locator("#handled")).toHaveText("1");
  await expect(page.locator("#saved")).toHaveText("hold");
});

test("half filled in when the server is killed: values, errors, focus and caret, and the server has them", async ({ page, home, errors }) => {
  errors.allow("livelong");
  const at = await home("site");
  await open(page, `${at.url}/basket`);
  await lines(page, 2);
  await title(page, 1).fill("one");
  await page.locator("#count1").fill("10");
  await page.locator("#name").fill("Ad");
  await page.locator("#name").press("ArrowLeft");
  const problems = page.locator(".live-problem");
  await expect(problems).toHaveText(["must be at least 3 characters long", "must be at most 9"]);
  await page.locator("[data-live].live-saved").waitFor();
  await page.locator("#name").pressSequentially("nn"); // the last that is typed is not stored, perhaps
  await at.end("SIGKILL");
  await page.keyboard.type("e"); // to nobody
  const began = Date.now();
  await at.start();
  await expect(page.locator("#echo")).toHaveText("Anned");
  expect(Date.now() - began).toBeLessThan(5_000);
  await expect(page.locator("#lines")).toHaveText("[10 one][1 ]");
  await expect(page.locator("#name")).toHaveValue("Anned");
  await expect(page.locator("#name")).toBeFocused();
  expect(await page.locator("#name").evaluate((el: HTMLInputElement) => [el.selectionStart, el.selectionEnd])).toEqual([4, 4]);
  await expect(page.locator("#count1")).toHaveValue("10");
  await expect(problems).toHaveText(["must be at most 9"]); // and none where nobody was
});

test("a reconnect does not flicker: no field shows anything else meanwhile", async ({ page, site }) => {
  await open(page, `${site.url}/basket`);
  await lines(page, 1);
  await title(page, 1).fill("one");
  await expect(page.locator("#lines")).toHaveText("[1 one]");
  await page.evaluate(() => {
    const shown = new Set<string>();
    Object.assign(window, { shown });
    const look = (): void => void (shown.add([...document.querySelectorAll("input")].map((el) => el.value).join("|")), requestAnimationFrame(look));
    look();
  });
  const back = page.evaluate(() => new Promise((resolve) => addEventListener("live:connected", resolve, { once: true })).then(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))));
  await cut(site);
  await back;
  expect(await page.evaluate(() => (window as unknown as { shown: Set<string> }).shown.size)).toBe(1);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the same handlers: lines, errors beside their fields, and what was entered", async ({ page, site, errors }) => {
    errors.allow("422"); // browsers note it
    await page.goto(`${site.url}/basket`);
    await page.getByRole("button", { name: "Add a line" }).click();
    await page.getByRole("button", { name: "Add a line" }).click();
    await title(page, 1).fill("one");
    await title(page, 2).fill("two");
    await page.getByRole("group", { name: "Line 2" }).getByRole("button", { name: "up" }).click();
    await expect(page.locator("#lines")).toHaveText("[1 two][1 one]");
    await page.locator("#name").fill("Al");
    await page.locator("#count1").fill("10");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.locator(".live-problem")).toHaveText(["must be at least 3 characters long", "must be at most 9"]);
    await expect(page.locator("#name")).toHaveAccessibleDescription("must be at least 3 characters long");
    await expect(page.locator("#name")).toHaveValue("Al");
    await expect(page.locator("#count1")).toHaveValue("10");
    await page.locator("#name").fill("Ada");
    await page.locator("#count1").fill("3");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.locator("[data-live-flash]")).toContainText("Saved Ada, 1 two, 3 one.");
    await expect(page.locator("#name")).toHaveValue("");
    await expect(page.locator("fieldset")).toHaveCount(0);
  });
});
