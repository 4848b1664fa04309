/**
 * The frames that travel between the browser and the server, and their encoding: see PROTOCOL.md in live/internal/wire.
 * Nothing here touches the DOM. The Go package tests against the same fixtures.
 */

export const VERSION = 1;

/** Larger frames are refused before they are parsed or sent: a tab must not be frozen by one mistake. */
export const MAX_DOWN_CHARS = 16 << 20;
export const MAX_UP_CHARS = 1 << 20;
const MAX_REASON_CHARS = 80;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Attributes to set, or with null to remove. */
export type Attrs = { readonly [name: string]: string | null };

/** One element of a patch: an index of a path, or the terminal that ends a path. */
export type Item = number | string | Attrs | Patch;
export type Patch = readonly Item[];

export interface Join {
  readonly how: "adopt" | "resume" | "mount" | "navigate";
  readonly secret: string;
  /** The newest event the server received; missing means none. */
  readonly n?: number;
  /** A fresh instance has found stored values. */
  readonly recovered?: boolean;
  /** Counts the navigations of the tab, and is sent back once the page is shown. */
  readonly visit?: number;
}

/** What a link, or the back button, asks for. */
export interface Visit {
  /** Path, query and hash. */
  readonly to: string;
  readonly mode: "push" | "replace" | "pop";
  /** Mount the view even if it is the one that is shown. */
  readonly fresh?: boolean;
}

export interface Extra {
  readonly join?: Join;
  readonly h?: number;
  readonly i?: number;
  readonly html?: string;
  readonly tag?: string;
  readonly title?: string;
  readonly flash?: readonly (readonly [kind: string, text: string])[];
  readonly reply?: readonly (readonly [n: number, value: Json])[];
  readonly push?: readonly (readonly [name: string, detail: Json])[];
  readonly error?: readonly (readonly [n: number, text: string])[];
  readonly to?: string;
  /** Flash messages, sealed, for the page that is loaded. */
  readonly carry?: string;
  /** The page has another URL: event n has asked for it, or with 0 nobody. */
  readonly url?: readonly (readonly [to: string, mode: Visit["mode"], n: number])[];
  /** The page token for it. */
  readonly token?: string;
  /** How the page is stored: 0 saved, 1 saving, 2 unsaved, 3 unavailable. */
  readonly s?: number;
}

/** A pong answers a ping; it is no part of the counted frames. */
export type Down = Pong | Frame;

export interface Pong {
  readonly kind: "pong";
}

export interface Frame {
  readonly kind: "frame";
  /** The newest event answered; 0 when none is. */
  readonly ref: number;
  readonly patch: Patch;
  readonly extra: Extra;
}

export interface JoinOptions {
  readonly secret?: string;
  readonly k?: number;
  readonly n?: number;
  readonly tag?: string;
  /** Of the window: width, height, device pixels per CSS pixel. */
  readonly size?: readonly number[];
  readonly params?: { readonly [name: string]: string };
}

/** What an event carries: v the binding's JSON, f the form, c the client values. */
export interface Payload {
  readonly v?: Json;
  readonly f?: string;
  readonly c?: { readonly [key: string]: string | number };
}

export type Up =
  | { readonly kind: "join"; readonly token: string; readonly options: JoinOptions }
  | { readonly kind: "event"; readonly n: number; readonly name: string; readonly payload?: Payload; readonly target?: string }
  | { readonly kind: "confirm"; readonly k: number }
  | { readonly kind: "resync"; readonly reason: string }
  | { readonly kind: "html"; readonly reason: string }
  | { readonly kind: "here"; readonly reason: string }
  | { readonly kind: "ping" };

/** Refuses a frame that does not follow the protocol; what says which part of it. */
function malformed(what: string): never {
  throw new Error(`malformed ${what}`);
}

const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
const isString = (v: unknown): v is string => typeof v === "string";
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
type Check = (v: unknown) => boolean;

/** Keys that are not listed are ignored, so that a server may say more than this client understands; lists are taken as they are. */
const extraChecks: { readonly [K in keyof Extra]-?: Check } = {
  join: (v) => isObject(v) && /^(adopt|resume|mount|navigate)$/.test(String(v.how)) && isString(v.secret) && isCount(v.n ?? 0),
  h: isCount,
  i: isCount,
  html: isString,
  tag: isString,
  title: isString,
  flash: Array.isArray,
  reply: Array.isArray,
  push: Array.isArray,
  error: Array.isArray,
  to: isString,
  carry: isString,
  url: Array.isArray,
  token: isString,
  s: isCount,
};

/** Reads a frame from the server. Of the patch only the outside is checked here: applying it checks the rest. */
export function decode(text: string): Down {
  const frame: unknown = text.length > MAX_DOWN_CHARS ? null : JSON.parse(text);
  if (!Array.isArray(frame)) malformed("frame");
  if (frame.length === 0) return { kind: "pong" };
  const [ref, patch, extra = {}] = frame as unknown[];
  if (!isCount(ref)) malformed("ref");
  if (!Array.isArray(patch)) malformed("patch");
  if (!isObject(extra)) malformed("extra");
  for (const key in extraChecks) {
    if (key in extra && !extraChecks[key as keyof Extra](extra[key])) malformed(key);
  }
  return { kind: "frame", ref, patch, extra };
}

/** Writes a frame for the server. */
export function encode(up: Up): string {
  const text = JSON.stringify(parts(up));
  if (text.length > MAX_UP_CHARS) malformed(up.kind);
  return text;
}

function parts(up: Up): unknown[] {
  switch (up.kind) {
    case "join":
      return [VERSION, up.token, up.options];
    case "event":
      if (up.target !== undefined) return [up.n, up.name, up.payload ?? {}, up.target];
      return up.payload === undefined ? [up.n, up.name] : [up.n, up.name, up.payload];
    case "confirm":
      return [up.k];
    case "ping":
      return [0, "ping"];
    default:
      return [0, up.kind, up.reason.slice(0, MAX_REASON_CHARS)];
  }
}
