/** Records how a page says that it is saved: every state it ever shows, not only those a test happens to see. */
import type { Page } from "@playwright/test";

/** What the page showed after one of its changes. */
export interface Shown {
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** The root's classes that tell how it is stored, without `live-`. */
  readonly marks: readonly string[];
  readonly count: number;
  /** The text of the page's own field, as the server has it. */
  readonly own: string;
}

/** Starts with the page's next load. own selects the element with the page's own field. */
export async function record(page: Page, own: string): Promise<() => Promise<Shown[]>> {
  await page.addInitScript((own) => {
    const all: unknown[] = [];
    Object.assign(window, { shown: all });
    let last = "";
    // Observers run after the task, in which a frame is applied as a whole.
    new MutationObserver(() => {
      const root = document.querySelector("[data-live]");
      const count = root?.querySelector("output")?.textContent;
      if (!root || !count) return;
      const marks = ["saved", "saving", "unsaved", "unavailable"].filter((mark) => root.classList.contains(`live-${mark}`));
      const shown = { marks, count: Number(count), own: root.querySelector(own)?.textContent };
      if (last === (last = JSON.stringify(shown))) return;
      all.push({ at: Date.now(), ...shown });
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  }, own);
  return () => page.evaluate(() => (window as unknown as { shown: Shown[] }).shown);
}

/** The marks in order, those that repeat left out. */
export const marks = (all: readonly Shown[]): string[] =>
  all.map(({ marks }) => marks.join("+")).filter((mark, i, before) => mark !== before[i - 1]);
