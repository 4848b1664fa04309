/** What the browser tests share: servers on free ports, and pages on which any error fails the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type BrowserContext, type Page, test as base } from "@playwright/test";
import { bin, root } from "./build.ts";
import { Proxy } from "./proxy.ts";

export { expect } from "@playwright/test";

export interface Server {
  readonly url: string;
  readonly process: ChildProcess;
}

/** The counter outside of development needs a secret. */
const env = { ...process.env, LIVELONG_SECRET: "5ec2e7".padEnd(64, "0") };

/** Starts a program and waits for the address it prints. */
async function start(name: string, ...args: string[]): Promise<Server> {
  const process = spawn(join(bin, name), args, { stdio: ["ignore", "pipe", "inherit"], env });
  for await (const line of createInterface(process.stdout)) {
    const found = /^listening on (http:\S+)$/.exec(line);
    if (found) return { url: found[1]!, process };
  }
  throw new Error(`${name} ended before it listened`);
}

/** Ends a program, and returns its exit code, or the signal that ended it. */
async function stop({ process }: Server, signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
  if (process.exitCode === null && process.signalCode === null) {
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill(signal);
    await ended;
  }
  return process.exitCode ?? process.signalCode!;
}

/** Starts an example with a directory of its own. */
async function example(name: string, errors: Errors, use: (server: Server) => Promise<void>): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), `livelong-${name}-`));
  const server = await start(name, "-addr", "localhost:0", "-data", data, "-dev");
  await use(server);
  errors.over();
  await stop(server);
  rmSync(data, { recursive: true });
}

export type Program = "site" | "counter" | "dashboard";

/** A program with a directory of its own, behind a proxy: it may end and be started again, on another port. */
export class Home {
  readonly program: Program;
  readonly proxy: Proxy;
  readonly data = mkdtempSync(join(tmpdir(), "livelong-"));
  #server: Server | undefined;

  constructor(program: Program, proxy: Proxy) {
    this.program = program;
    this.proxy = proxy;
  }

  /** What browsers see. */
  get url(): string {
    return this.proxy.url;
  }

  /** The program's own address. */
  get direct(): string {
    return this.#server!.url;
  }

  async start(addr = "127.0.0.1:0"): Promise<void> {
    this.#server = await start(this.program, "-addr", addr, "-data", this.data);
    this.proxy.target = this.direct;
  }

  /** Browsers that come back from now on wait until the program is started again. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.proxy.target = null;
    return stop(this.#server!, signal);
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await stop(this.#server!);
    rmSync(this.data, { recursive: true });
  }
}

/** Errors a test allows, as parts of their text: what the browser itself prints when a server dies, for one. */
export interface Errors {
  allow(text: string): void;
  /** The test is over: what pages say of servers that end now is no error. */
  over(): void;
}

interface Fixtures {
  errors: Errors;
  counter: Server;
  login: Server;
  dashboard: Server;
  /** Starts the page that is recorded, with the recordings of this test. */
  theatre: Server;
  /** Starts a program behind a proxy. */
  home: (program: Program) => Promise<Home>;
  /** Starts the test site with a slow bucket in memory, which this test may break. */
  slow: Server;
}

export const test = base.extend<Fixtures, { site: Server }>({
  site: [
    async ({}, use) => {
      const server = await start("site");
      await use(server);
      await stop(server);
    },
    { scope: "worker" },
  ],
  slow: async ({ errors }, use) => {
    const server = await start("site", "-latency", "40ms");
    await use(server);
    errors.over();
    await stop(server);
  },
  theatre: async ({ errors }, use) => {
    const server = await start("theatre");
    await use(server);
    errors.over();
    await stop(server);
  },
  counter: async ({ errors }, use) => example("counter", errors, use),
  login: async ({ errors }, use) => example("login", errors, use),
  dashboard: async ({ errors }, use) => example("dashboard", errors, use),
  home: async ({ errors }, use) => {
    const homes: Home[] = [];
    await use(async (program) => {
      const home = new Home(program, await Proxy.listen());
      homes.push(home);
      await home.start();
      return home;
    });
    errors.over();
    for (const home of homes) await home.close();
  },
  errors: [
    async ({ context }, use) => {
      const found: string[] = [];
      const allowed: string[] = [];
      let over = false;
      const note = (text: string): void => void (over || found.push(text));
      const watch = (page: Page): void => {
        page.on("pageerror", (error) => note(`page error: ${error.message}`));
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") note(`console ${message.type()}: ${message.text()}`);
        });
      };
      context.on("page", watch);
      await use({ allow: (text) => allowed.push(text), over: () => (over = true) });
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

/** Gives pages that are loaded from now on livelong.latency, which an app has in development only. */
export async function slowable(pages: Page | BrowserContext): Promise<void> {
  await pages.addInitScript({ path: `${root}js/dist/livelong.latency.js` });
}

/** Makes each frame wait so many milliseconds on its way up, and again on its way down. */
export async function latency(page: Page, ms: number): Promise<void> {
  await page.evaluate((value) => (window as unknown as { livelong: { latency(ms: number): void } }).livelong.latency(value), ms);
}

/** Cuts the site's sockets without a close frame, as a lost network does. */
export async function cut(site: Server): Promise<void> {
  await fetch(`${site.url}/cut`);
}

/** What a visit of the same browser finds in the view, as the browser understands it. */
export async function visited(page: Page, url: string): Promise<string> {
  const html = await (await page.request.get(url)).text();
  return page.evaluate((text) => new DOMParser().parseFromString(text, "text/html").querySelector("[data-live]")!.innerHTML, html);
}

/** Tells the page that its tab is hidden or looked at again. */
export async function look(page: Page, state: "visible" | "hidden"): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

/** Waits until what the page shows is saved. */
export async function saved(page: Page): Promise<void> {
  await page.locator("[data-live].live-saved").waitFor();
}

/** Collects how a page's joins were answered, from its next load on. */
export async function watchJoins(page: Page): Promise<string[]> {
  const joins: string[] = [];
  await page.exposeFunction("joined", (how: string) => joins.push(how));
  await page.addInitScript(() => {
    addEventListener("live:connected", (event) => {
      (window as unknown as { joined(how: string): void }).joined((event as CustomEvent<{ how: string }>).detail.how);
    });
  });
  return joins;
}

/** Collects what a page's status ever says, from its next load on. */
export async function watchStatus(page: Page): Promise<string[]> {
  const said: string[] = [];
  await page.exposeFunction("said", (text: string) => said.push(text));
  await page.addInitScript(() => {
    const { said } = window as unknown as { said(text: string): void };
    let last = "";
    new MutationObserver(() => {
      const text = document.querySelector("[data-live-status]")?.textContent ?? "";
      if (text && text !== last) said(text);
      last = text;
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  return said;
}
