/** What the browser tests share: servers on free ports, and pages on which any error fails the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Page, test as base } from "@playwright/test";
import { bin } from "./build.ts";

export { expect } from "@playwright/test";

export interface Server {
  readonly url: string;
  readonly process: ChildProcess;
}

/** Starts a program and waits for the address it prints. */
async function start(name: string, ...args: string[]): Promise<Server> {
  const process = spawn(join(bin, name), args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(process.stdout)) {
    const found = /^listening on (http:\S+)$/.exec(line);
    if (found) return { url: found[1]!, process };
  }
  throw new Error(`${name} ended before it listened`);
}

async function stop({ process }: Server): Promise<void> {
  const ended = new Promise((resolve) => process.once("exit", resolve));
  process.kill("SIGTERM");
  await ended;
}

/** Errors a test allows, as parts of their text: what the browser itself prints when a server dies, for one. */
export interface Errors {
  allow(text: string): void;
}

export const test = base.extend<{ errors: Errors; counter: Server }, { site: Server }>({
  site: [
    async ({}, use) => {
      const server = await start("site");
      await use(server);
      await stop(server);
    },
    { scope: "worker" },
  ],
  counter: async ({}, use) => {
    const data = mkdtempSync(join(tmpdir(), "livelong-counter-"));
    const server = await start("counter", "-addr", "localhost:0", "-data", data, "-dev");
    await use(server);
    await stop(server);
    rmSync(data, { recursive: true });
  },
  errors: [
    async ({ context }, use) => {
      const found: string[] = [];
      const allowed: string[] = [];
      const watch = (page: Page): void => {
        page.on("pageerror", (error) => found.push(`page error: ${error.message}`));
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") found.push(`console ${message.type()}: ${message.text()}`);
        });
      };
      context.on("page", watch);
      await use({ allow: (text) => allowed.push(text) });
      const bad = found.filter((text) => !allowed.some((part) => text.includes(part)));
      if (bad.length > 0) throw new Error(bad.join("\n"));
    },
    { auto: true },
  ],
});

/** Loads a page and waits until it is connected. */
export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("[data-live].live-connected").waitFor();
}

/** Cuts the site's sockets without a close frame, as a lost network does. */
export async function cut(site: Server): Promise<void> {
  await fetch(`${site.url}/cut`);
}

/** Tells the page that its tab is hidden or looked at again. */
export async function look(page: Page, state: "visible" | "hidden"): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}
