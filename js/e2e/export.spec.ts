import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { expect, test } from "@playwright/test";
import { root } from "./build.ts";

test("an exported recording plays, and nothing of its page runs or loads", async ({ page, context }, info) => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = info.outputPath("export.html");
  writeFileSync(file, execFileSync("go", ["run", "./js/e2e/export", address], { cwd: root }));
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  const url = pathToFileURL(file).href;
  await page.goto(url);

  const view = page.frameLocator("#page");
  const shows = (text: string) => expect(view.locator("p")).toHaveText(text);
  await shows("page 1");
  await page.getByRole("button", { name: "Next frame" }).click();
  await shows("page 2");
  await expect(page.locator("#where")).toHaveText("0:01 / 0:02, frame 2 of 3");
  await page.getByRole("slider", { name: "Frame" }).fill("3");
  await shows("page 3");
  await page.getByRole("button", { name: "Last" }).click();
  await shows("page 3");
  await page.getByRole("combobox", { name: "Speed" }).selectOption("10");
  await page.getByRole("button", { name: "Play" }).click(); // from the beginning
  await shows("page 3");
  await expect(page.locator("#play")).toHaveText("Play");

  for (const id of ["same", "top", "new", "run", "send"]) {
    await view.locator(`#${id}`).evaluate((e: HTMLElement) => e.click());
    await page.getByRole("button", { name: "Previous frame" }).click();
    await shows("page 2");
    await page.getByRole("button", { name: "Next frame" }).click();
    await shows("page 3");
  }
  expect(page.url()).toBe(url);
  expect(context.pages()).toHaveLength(1);
  expect(await page.evaluate(() => "hacked" in window)).toBe(false);
  expect(errors).toEqual([]);
  expect(requests).toEqual([]);
  server.close();
});
