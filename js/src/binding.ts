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

  const given: { [option: string]: string } = {};
  for (const option of options) {
    const [, key, text] = /^([cdktp])=?(.*)$/.exec(option) ?? bad(`option ${option}`);
    given[key!] = text!;
  }
  const list = (text = ""): string[] => text.split(",").filter(Boolean);
  const milliseconds = (text = "0"): number => (/^\d{1,9}$/.test(text) ? Number(text) : bad(`${text} milliseconds`));

  let value: Json | undefined;
  if (space >= 0) {
    try {
      value = JSON.parse(text.slice(space + 1)) as Json;
    } catch {
      bad("no JSON object");
    }
    if (typeof value !== "object" || !value || Array.isArray(value)) bad("no JSON object");
  }
  return {
    name: name!,
    client: list(given.c),
    debounce: given.d === "blur" ? given.d : milliseconds(given.d),
    throttle: milliseconds(given.t),
    // The space bar's key is a space, which ends the options.
    keys: list(given.k?.toLowerCase()).map((key) => (key === "space" ? " " : key)),
    prevent: given.p !== undefined,
    value,
  };
}
