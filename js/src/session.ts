/** The session joins the parts: what the user does goes up, what the server says comes down. */
import { Confirm } from "./confirm.ts";
import { type Control, Edits, isControl, teller } from "./edits.ts";
import { Events, type Outgoing } from "./events.ts";
import { ForeignValues } from "./foreign.ts";
import { Latency } from "./latency.ts";
import { Notices } from "./notice.ts";
import { type Entry, Outbox } from "./outbox.ts";
import { Departure, load, socketURL } from "./page.ts";
import { Pending } from "./pending.ts";
import { Saved } from "./saved.ts";
import { Socket } from "./socket.ts";
import { Status } from "./status.ts";
import { View } from "./view.ts";
import { type Frame, type Join, type Json, type Up, MAX_UP_CHARS, decode, encode } from "./wire.ts";
import { DomWriter } from "./writer.ts";

export interface Settings {
  readonly params: { readonly [name: string]: string } | undefined;
  readonly reconnectMin: number;
  readonly reconnectMax: number;
  readonly statusDelay: number;
}

/** Where an event came from: an element of the page, or a script that awaits a reply. */
type Source =
  | { readonly kind: "element"; readonly event: Outgoing }
  | { readonly kind: "script"; readonly resolve: (reply: Json | undefined) => void; readonly reject: (error: Error) => void };

export class Session {
  readonly #root: Element;
  readonly #settings: Settings;
  readonly #outbox = new Outbox<Source>();
  readonly #pending = new Pending();
  readonly #notices = new Notices();
  readonly #edits = new Edits(() => this.#outbox.newest);
  readonly #foreign: ForeignValues;
  readonly #view: View;
  readonly #events: Events;
  readonly #confirm = new Confirm((k) => this.#up({ kind: "confirm", k }));
  readonly #status: Status;
  readonly #saved: Saved;
  readonly #latency = new Latency();
  readonly #socket: Socket;
  readonly #departure: Departure;
  #secret: string | undefined;
  #tag: string | undefined;

  constructor(root: Element, settings: Settings) {
    this.#root = root;
    this.#settings = settings;
    this.#tag = root.getAttribute("data-live-tag") ?? undefined;
    this.#foreign = new ForeignValues(root);
    this.#view = new View(root, new DomWriter(this.#edits, this.#foreign), this.#foreign, (kind, reason) => {
      console.warn(`livelong: ${kind}: ${reason}`);
      this.#up({ kind, reason });
    });
    this.#events = new Events(root, {
      send: (event) => this.#sendFrom(event),
      busy: (owner, type) => this.#outbox.some(({ source: s }) => s.kind === "element" && s.event.owner === owner && s.event.type === type),
      failed: (error) => this.#failed(0, String(error)),
    });
    this.#status = new Status(root, settings.statusDelay);
    this.#saved = new Saved(root);
    this.#socket = new Socket(
      {
        hello: () => this.#hello(),
        received: (text) => this.#received(text),
        lost: (final) => this.#lost(final),
        refused: () => this.#dropped(this.#outbox.drop(), "That was too large to send."),
        leaving: () => this.#departure.leaving,
      },
      { url: socketURL(root), reconnectMin: settings.reconnectMin, reconnectMax: settings.reconnectMax },
      this.#latency,
    );
    this.#departure = new Departure(
      () => {
        this.#events.flush();
        this.#socket.rest();
      },
      () => {
        if (!this.#socket.joined) this.#lost(false);
        this.#socket.back();
      },
    );
  }

  /** The boot: from here on the page is live. Events made before the connection stands wait in the outbox. */
  start(): void {
    this.#foreign.start(); // before anything is written to the view
    this.#edits.start();
    this.#events.start();
    this.#notices.start();
    this.#departure.start();
    this.#latency.start();
    this.#status.start();
    this.#socket.start();
  }

  stop(): void {
    this.#departure.stop();
    this.#events.stop();
    this.#edits.stop();
    this.#foreign.stop();
    this.#notices.stop();
    this.#socket.stop();
    this.#confirm.stop();
    this.#status.stop();
    this.#saved.stop();
    this.#latency.stop();
    this.#dropped(this.#outbox.drop(), "disconnected");
  }

  latency(ms: number): void {
    this.#latency.set(ms);
  }

  /** Sends an event from a script. The promise settles with the server's reply, undefined when there is none. */
  push(name: string, value?: Json): Promise<Json | undefined> {
    return new Promise((resolve, reject) => {
      const payload = value === undefined ? undefined : { v: value };
      const entry = this.#outbox.add(name, payload, { kind: "script", resolve, reject });
      if (!entry) return reject(new Error("too many events wait for the connection"));
      this.#flush();
    });
  }

  #hello(): string {
    const { params } = this.#settings;
    const token = this.#root.getAttribute("data-live") ?? "";
    const options = { secret: this.#secret, k: this.#confirm.k || undefined, n: this.#outbox.sent || undefined, tag: this.#tag, params };
    return encode({ kind: "join", token, options });
  }

  #received(text: string): void {
    let frame: Frame;
    try {
      const down = decode(text);
      if (down.kind === "pong") return;
      frame = down;
    } catch (error) {
      this.#confirm.applied();
      this.#view.missed(String(error));
      return;
    }
    const { join } = frame.extra;
    if (join) this.#joined(join);
    else if (!this.#socket.joined) return; // left over from before; the answer to the join brings everything
    this.#apply(frame, text.length);
    if (join) this.#welcome(join);
    else this.#confirm.applied();
  }

  /** What the answer to a join means for everything that was remembered of the connection before. */
  #joined(join: Join): void {
    this.#socket.welcome();
    this.#secret = join.secret;
    if (join.how === "mount") {
      const before = this.#outbox.sent;
      this.#dropped(this.#outbox.mounted(), "the page was started afresh");
      this.#edits.mounted(before, join.recovered);
      this.#confirm.restart();
    } else {
      this.#outbox.resumed(join.n ?? 0);
    }
  }

  #welcome(join: Join): void {
    this.#view.joined(join.how);
    if (this.#status.set("connected")) this.#announce("connected", { how: join.how });
    this.#flush();
    if (join.how === "mount") this.#tellEdits();
  }

  #apply(frame: Frame, chars: number): void {
    const { ref, extra } = frame;
    const began = performance.now();
    this.#edits.frame(ref);
    const ops = this.#view.apply(frame);
    if (ops !== null) this.#announce("patched", { bytes: chars, ops, ms: performance.now() - began });
    this.#tag = extra.tag ?? (ops === null ? this.#tag : undefined);
    this.#answered(frame);
    if (extra.title !== undefined) document.title = extra.title;
    for (const [kind, text] of extra.flash ?? []) this.#notices.flash(kind, text);
    if (extra.s !== undefined) this.#mark(extra.s, extra.join?.how === "mount");
    for (const [n, text] of extra.error ?? []) this.#failed(n, text);
    for (const [name, detail] of extra.push ?? []) this.#announce(name, detail);
    if (extra.to !== undefined && !load(extra.to)) this.#failed(0, `refused to load ${extra.to}`);
  }

  #answered({ ref, extra }: Frame): void {
    const replies = new Map(extra.reply);
    const errors = new Map(extra.error);
    for (const { n, source } of this.#outbox.answered(ref)) {
      const error = errors.get(n);
      if (source.kind === "script") {
        if (error === undefined) source.resolve(replies.get(n));
        else source.reject(new Error(error));
        continue;
      }
      const { event } = source;
      this.#pending.remove(marked(event));
      // What was typed stays when the server could not take it.
      if (event.type === "submit" && event.form && error === undefined) this.#edits.settle(event.form, n);
    }
  }

  /**
   * A fresh instance does not know what the user has entered and the page still shows: it is told once more, but for
   * what was stored.
   */
  #tellEdits(): void {
    const told = new Set<Element>();
    for (const control of this.#root.querySelectorAll("input,textarea,select")) {
      const owner = isControl(control) && this.#edits.isEdited(control) ? teller(control) : null;
      if (!owner) continue;
      this.#edits.edited(control); // until it is told
      if (told.has(owner)) continue;
      this.#events.change(control);
      if (owner === (control as Control).form) told.add(owner);
    }
  }

  #sendFrom(event: Outgoing): void {
    if (JSON.stringify(event.payload).length > MAX_UP_CHARS / 2) return this.#failed(0, "That is too large to send.");
    const source: Source = { kind: "element", event };
    const same = ({ source: s, name }: Entry<Source>): boolean =>
      s.kind === "element" && event.type === "change" && s.event.owner === event.owner && name === event.name && (!!event.form || s.event.control === event.control);
    const newest = this.#outbox.newest;
    const entry = this.#outbox.add(event.name, event.payload, source, same);
    if (!entry) return this.#failed(0, "Too much waits for the connection: this was not sent.");
    if (entry.n > newest) this.#pending.add(marked(event));
    this.#edits.carried(entry.n, event.form ? event.form.elements : [event.control]);
    this.#flush();
  }

  #flush(): void {
    if (!this.#socket.joined) return;
    for (const { n, name, payload } of this.#outbox.take()) {
      this.#up({ kind: "event", n, name, payload: payload && Object.keys(payload).length > 0 ? payload : undefined });
      this.#confirm.busy();
    }
  }

  #up(frame: Up): void {
    if (this.#socket.joined) this.#socket.send(encode(frame));
  }

  #lost(final: boolean): void {
    this.#confirm.stop();
    if (this.#departure.leaving) return;
    const was = this.#status.state;
    if (!this.#status.set(final ? "error" : was === "connecting" ? "connecting" : "disconnected")) return;
    if (was === "connected") this.#announce("disconnected", { final });
  }

  #dropped(entries: readonly Entry<Source>[], why: string): void {
    for (const { source } of entries) {
      if (source.kind === "script") source.reject(new Error(why));
      else this.#pending.remove(marked(source.event));
    }
  }

  /** fresh: the answer of a fresh instance speaks of no event. */
  #mark(save: number, fresh: boolean): void {
    if (save === 0 && !fresh) this.#edits.saved();
    const state = this.#saved.set(save);
    if (state) this.#announce("saved", { state });
  }

  #failed(n: number, text: string): void {
    this.#notices.alert(text);
    this.#announce("error", { n, text });
  }

  #announce(name: string, detail: unknown): void {
    window.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));
  }
}

const marked = ({ owner, control, form }: Outgoing): Element[] => (form ? [owner, control, form] : [owner, control]);
