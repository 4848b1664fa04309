import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect, open, test } from "./fixtures.ts";

async function logIn(page: Page, url: string): Promise<void> {
  await open(page, `${url}/login`);
  await page.getByLabel("How shall we call you?").fill("Countess");
  await page.locator("[data-live].live-saved").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("ada");
  await page.getByLabel("Password").fill("countess");
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.locator("h1")).toHaveText("Notes of Countess");
  await page.locator("[data-live].live-connected").waitFor();
}

test("logging out in one tab brings the other to the login within two seconds", async ({ context, page, login, errors }) => {
  errors.allow("WebSocket");
  await logIn(page, login.url);
  const other = await context.newPage();
  await open(other, login.url);
  await expect(other.locator("h1")).toHaveText("Notes of Countess");
  await page.getByRole("button", { name: "Log out" }).click();
  const began = Date.now();
  await expect(other.locator("h1")).toHaveText("Log in", { timeout: 2_000 });
  console.log(`the other tab was at the login ${Date.now() - began} ms after the click`);
  await expect(page.locator("h1")).toHaveText("Log in");
  await expect(other.getByLabel("How shall we call you?")).toHaveValue("");
});

test("a tab that was open before the login goes on with the new session", async ({ context, page, login, errors }) => {
  errors.allow("WebSocket");
  const other = await context.newPage();
  await open(other, `${login.url}/login`);
  const before = (await context.cookies()).find((c) => c.name === "livelong_session")?.value;
  await logIn(page, login.url);
  expect((await context.cookies()).find((c) => c.name === "livelong_session")?.value).not.toBe(before);
  await expect(other.getByLabel("How shall we call you?")).toHaveValue("Countess");
  await page.getByLabel("A new note").fill("an engine");
  await page.getByRole("button", { name: "Keep it" }).click();
  await expect(page.getByText("an engine")).toBeVisible();
  await expect(page.getByLabel("A new note")).toHaveValue("");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the login and the notes are accessible in ${colorScheme} colours`, async ({ browser, login }) => {
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await open(page, `${login.url}/login?wrong=1`);
    const seen = [await new AxeBuilder({ page }).analyze()];
    await logIn(page, login.url);
    seen.push(await new AxeBuilder({ page }).analyze());
    expect(seen.flatMap((s) => s.violations).map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join()}`)).toEqual([]);
    await context.close();
  });
}
