/** What a closed connection asks of the page, by its code. */

export type Remedy =
  /** Connect again, after a growing and random pause. */
  | "retry"
  /** Connect again after a long pause. */
  | "pause"
  /** Connect again without the events that were not answered: one of them was too large. */
  | "drop"
  /** Ask the page with HEAD what became of it, then connect again. */
  | "ask"
  /** Load the page again, at most once. */
  | "reload"
  /** Stay closed. */
  | "stop";

export function remedy(code: number, opened: boolean): Remedy {
  if (!opened) return "ask"; // A refusal before the upgrade has a status that browsers hide.
  switch (code) {
    case 1009:
      return "drop";
    case 4401:
      return "ask";
    case 4400: // What was not understood would not be understood the second time.
    case 4403:
    case 4426:
      return "reload";
    case 4409:
      return "stop";
    case 4429:
      return "pause";
    default:
      return "retry";
  }
}

/** What the answer to HEAD says: the page has moved or is refused (load it, so that the user sees), or is to be tried again. */
export function verdict(status: number, redirected: boolean): "reload" | "retry" {
  if (redirected) return "reload";
  const passing = status === 408 || status === 425 || status === 429;
  return status >= 400 && status < 500 && !passing ? "reload" : "retry";
}
