/** Messages for the user, outside the view's own markup: flashes and errors, each with a button that dismisses it. */

/** More messages than these push the oldest out. */
const LIMIT = 5;

/** The layout's place with this attribute, or a new one at the end of the page. */
export function placeFor(attribute: string, className: string, role: string): HTMLElement {
  const existing = document.querySelector<HTMLElement>(`[${attribute}]`);
  if (existing) return existing;
  const el = document.createElement("div");
  el.className = className;
  el.setAttribute(attribute, "");
  el.setAttribute("role", role);
  document.body.append(el);
  return el;
}

export class Notices {
  #stop: AbortController | null = null;

  /** The regions must stand in the page before anything is said in them, or screen readers keep silent. */
  start(): void {
    placeFor("data-live-flash", "live-flashes", "status");
    placeFor("data-live-alert", "live-alerts", "alert");
    this.#stop = new AbortController();
    document.addEventListener(
      "click",
      ({ target }) => {
        if (target instanceof Element) target.closest("[data-live-dismiss]")?.parentElement?.remove();
      },
      { signal: this.#stop.signal },
    );
  }

  stop(): void {
    this.#stop?.abort();
  }

  /** Takes the flashes away: they were of the page before. */
  clear(): void {
    placeFor("data-live-flash", "live-flashes", "status").replaceChildren();
  }

  flash(kind: string, text: string): void {
    show(placeFor("data-live-flash", "live-flashes", "status"), "live-flash", kind, text);
  }

  alert(text: string): void {
    show(placeFor("data-live-alert", "live-alerts", "alert"), "live-alert", "error", text);
  }
}

function show(place: HTMLElement, block: string, kind: string, text: string): void {
  const item = document.createElement("div");
  item.className = `${block} ${block}-${kind.replace(/[^\w-]/g, "-")}`;
  const words = document.createElement("span");
  words.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("data-live-dismiss", "");
  button.setAttribute("aria-label", place.dataset.dismiss ?? "Dismiss");
  button.textContent = "×";
  item.append(words, button);
  for (const other of [...place.children]) {
    if (other.className === item.className && other.firstChild?.textContent === text) other.remove();
  }
  place.append(item);
  while (place.children.length > LIMIT) place.firstElementChild!.remove();
}
