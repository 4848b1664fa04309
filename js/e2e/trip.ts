/** What the tests of going from page to page look at. */
import type { Page } from "@playwright/test";

export const text = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText();

export const length = (page: Page): Promise<number> => page.evaluate(() => history.length);

/** Counts what a page loads and sends, from now on. */
export function traffic(page: Page): { documents: string[]; sockets: number; sent: string[] } {
  const seen = { documents: [] as string[], sockets: 0, sent: [] as string[] };
  page.on("request", (r) => r.isNavigationRequest() && seen.documents.push(`${r.method()} ${new URL(r.url()).pathname}`));
  return seen;
}

/** As traffic, with the frames of sockets: must be called before the page is opened. */
export function watch(page: Page): ReturnType<typeof traffic> {
  const seen = traffic(page);
  page.on("websocket", (socket) => {
    seen.sockets++;
    socket.on("framesent", ({ payload }) => seen.sent.push(String(payload)));
  });
  return seen;
}

/** Collects the details of a window event, from now on. */
export async function events(page: Page, name: string): Promise<() => Promise<Record<string, unknown>[]>> {
  await page.evaluate((name) => {
    const all = ((window as unknown as Record<string, unknown[]>)[name] = [] as unknown[]);
    addEventListener(name, (event) => all.push((event as CustomEvent<unknown>).detail));
  }, name);
  return () => page.evaluate((name) => (window as unknown as Record<string, Record<string, unknown>[]>)[name]!, name);
}
