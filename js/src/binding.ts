/** The value of a live-… attribute: which event to send, when, and with what. */
import type { Json } from "./wire.ts";

export interface Binding {
  readonly name: string;
  /** Client values the event asks for. */
  readonly client: readonly string[];
  /** Milliseconds without another event, or until the control loses focus; 0: at once. */
  readonly debounce: number | "blur";
  /** Milliseconds between two events; 0: no limit. */
  readonly throttle: number;
  /** Lower-case names of the only keys that count; empty: all. */
  readonly keys: readonly string[];
  readonly prevent: boolean;
  /** The event's own fields. */
  readonly value: Json | undefined;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

export const isEventName = (name: string): boolean => NAME.test(name);

/** Reads `Name[;option]…[ JSON]`. */
export function parseBinding(text: string): Binding {
  const bad = (why: string): never => {
    throw new Error(`${why} in ${JSON.stringify(text)}`);
  };
  const space = text.indexOf(" ");
  const [name, ...options] = (space < 0 ? text : text.slice(0, space)).split(";");
  if (!isEventName(name!)) bad("no event name");

  let client: readonly string[] = [];
  let debounce: number | "blur" = 0;
  let throttle = 0;
  let keys: readonly string[] = [];
  let prevent = false;
  for (const option of options) {
    const at = option.indexOf("=");
    const value = at < 0 ? "" : option.slice(at + 1);
    const list = value.split(",").filter(Boolean);
    const milliseconds = (): number => (/^\d{1,9}$/.test(value) ? Number(value) : bad(`option ${option}`));
    switch (at < 0 ? option : option.slice(0, at)) {
      case "c":
        client = list;
        break;
      case "d":
        debounce = value === "blur" ? value : milliseconds();
        break;
      case "t":
        throttle = milliseconds();
        break;
      case "k":
        // The space bar's key is a space, which ends the options.
        keys = list.map((key) => (key.toLowerCase() === "space" ? " " : key.toLowerCase()));
        break;
      case "p":
        prevent = true;
        break;
      default:
        bad(`option ${option}`);
    }
  }

  let value: Json | undefined;
  if (space >= 0) {
    try {
      value = JSON.parse(text.slice(space + 1)) as Json;
    } catch {
      bad("malformed JSON");
    }
    if (typeof value !== "object" || !value || Array.isArray(value)) bad("no JSON object");
  }
  return { name: name!, client, debounce, throttle, keys, prevent, value };
}
