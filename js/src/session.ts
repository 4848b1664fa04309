/** The session joins the parts: what the user does goes up, what the server says comes down. */
import { Confirm } from "./confirm.ts";
import { type Control, Edits, isControl, teller } from "./edits.ts";
import { Events, type Outgoing } from "./events.ts";
import { ForeignValues } from "./foreign.ts";
import { parseInside } from "./fragment.ts";
import { Notices } from "./notice.ts";
import { type Entry, Outbox } from "./outbox.ts";
import { Navigation, load } from "./navigation.ts";
import { Departure, embeddedAt, socketURL } from "./page.ts";
import { Pending } from "./pending.ts";
import { Saved } from "./saved.ts";
import { Socket } from "./socket.ts";
import { Status } from "./status.ts";
import { View } from "./view.ts";
import { type Frame, type Join, type Json, type Up, type Visit, MAX_UP_CHARS, decode, encode } from "./wire.ts";
import { DomWriter } from "./writer.ts";

export interface Settings {
  readonly params?: { readonly [name: string]: string };
  readonly reconnectMin?: number;
  readonly reconnectMax?: number;
  readonly statusDelay?: number;
  readonly transitions?: boolean;
}

/** Where an event came from: an element of the page, or a script that awaits a reply. */
interface Source {
  /** Where it comes from: the innermost child around it is asked first. */
  readonly from?: Element | undefined;
  readonly event?: Outgoing;
  readonly resolve?: (reply: Json | undefined) => void;
  readonly reject?: (error: Error) => void;
}

const LARGE = "That is too large to send.";
const FULL = "Too much waits for the connection: this was not sent.";

export class Session {
  readonly #settings: Settings;
  readonly #outbox = new Outbox<Source>();
  readonly #pending = new Pending();
  readonly #notices = new Notices();
  // What belongs to the view that is shown: see #show.
  #root!: Element;
  #edits!: Edits;
  #foreign!: ForeignValues;
  #writer!: DomWriter;
  #view!: View;
  #events!: Events;
  #saved!: Saved;
  readonly #confirm = new Confirm((k) => this.#up({ kind: "confirm", k }));
  readonly #status: Status;
  readonly #socket: Socket;
  readonly #departure: Departure;
  /** A view that is embedded in a foreign page leaves that page's URL alone. */
  readonly #navigation: Navigation | null;
  #secret: string | undefined;
  #tag: string | undefined;
  /** Frames that wait for the browser to have taken its picture of the page before. */
  #held: string[] | null = null;

  constructor(root: Element, settings: Settings) {
    this.#settings = settings;
    this.#show(root);
    this.#navigation = embeddedAt(root)
      ? null
      : new Navigation({
          visit: (visit) => this.#visit(visit),
          announce: (name, detail, cancelable) => this.#announce(name, detail, cancelable) && (!cancelable || !this.#question() || confirm(this.#question()!)),
        });
    this.#status = new Status(root, settings.statusDelay ?? 2_000);
    this.#socket = new Socket(
      {
        hello: () => this.#hello(),
        received: (text) => this.#received(text),
        lost: (final) => this.#lost(final),
        refused: () => {
          this.#dropped(this.#outbox.drop(), LARGE);
          this.#failed(0, LARGE);
        },
        leaving: () => this.#departure.leaving,
      },
      {
        url: () => socketURL(embeddedAt(this.#root) ?? this.#navigation!.url),
        reconnectMin: settings.reconnectMin ?? 100,
        reconnectMax: settings.reconnectMax ?? 5_000,
      },
    );
    this.#departure = new Departure(
      () => !!this.#question(),
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

  /** Makes what belongs to a view, the first one or one that was navigated to. */
  #show(root: Element): void {
    this.#root = root;
    this.#edits = new Edits(() => this.#outbox.newest);
    this.#tag = root.getAttribute("data-live-tag") ?? undefined;
    this.#foreign = new ForeignValues(root);
    this.#writer = new DomWriter(this.#edits, this.#foreign);
    this.#view = new View(root, this.#writer, this.#foreign, (kind, reason) => {
      console.warn(`livelong: ${kind}: ${reason}`);
      this.#up({ kind, reason });
    });
    this.#events = new Events(root, {
      send: (event) => this.#sendFrom(event),
      busy: (owner, type) => this.#outbox.some(({ source: { event } }) => event?.owner === owner && event.type === type),
      failed: (error) => this.#failed(0, String(error)),
    });
    this.#saved = new Saved(root);
  }

  /** What the user is to be asked before the page is left, because edits of a form would be lost. */
  #question(): string | null | undefined {
    const forms = [...this.#root.querySelectorAll<HTMLFormElement>("form[live-guard]:not([live-native])")];
    return forms.find((form) => form.hasAttribute("live-dirty") || this.#edits.dirty(form))?.getAttribute("live-guard");
  }

  #listen(): void {
    this.#foreign.start(); // before anything is written to the view
    this.#edits.start();
    this.#events.start();
  }

  #leave(): void {
    this.#events.stop();
    this.#edits.stop();
    this.#foreign.stop();
    this.#saved.stop();
  }

  /** The boot: from here on the page is live. Events made before the connection stands wait in the outbox. */
  start(): void {
    this.#listen();
    this.#navigation?.start();
    this.#notices.start();
    this.#departure.start();
    this.#status.start();
    this.#socket.start();
  }

  stop(): void {
    this.#departure.stop();
    this.#leave();
    this.#navigation?.stop();
    this.#notices.stop();
    this.#socket.stop();
    this.#confirm.stop();
    this.#status.stop();
    this.#dropped(this.#outbox.drop(), "disconnected");
  }

  /** Sends an event from a script. The promise settles with the server's reply, undefined when there is none. */
  push(name: string, value?: Json, from?: Element): Promise<Json | undefined> {
    return new Promise((resolve, reject) => {
      const payload = value === undefined ? undefined : { v: value };
      const entry = this.#outbox.add(name, payload, { from, resolve, reject });
      if (!entry) return reject(new Error(FULL));
      this.#flush();
    });
  }

  navigate(href: string, replace?: boolean): void {
    if (this.#navigation) this.#navigation.go(href, replace);
    else load(href);
  }

  /** Asks for another URL; 0 when the server cannot be asked. */
  #visit(visit: Visit): number {
    if (!this.#secret || !this.#socket.wanted) return 0;
    this.#events.flush(); // the view that may be left is to know what was typed
    const entry = this.#outbox.add("/", { v: visit as unknown as Json }, {});
    this.#flush();
    return entry?.n ?? 0;
  }

  #hello(): string {
    const { params } = this.#settings;
    const size = this.#root.hasAttribute("data-live-recorded") ? [innerWidth, innerHeight, devicePixelRatio] : undefined;
    const token = this.#root.getAttribute("data-live") ?? "";
    const options = { secret: this.#secret, k: this.#confirm.k || undefined, n: this.#outbox.sent || undefined, tag: this.#tag, size, params };
    return encode({ kind: "join", token, options });
  }

  #received(text: string): void {
    if (this.#held) return void this.#held.push(text);
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
    if (join?.how !== "navigate") return this.#take(frame, text.length);
    const take = (): void => {
      const held = this.#held ?? [];
      this.#held = null;
      this.#take(frame, text.length);
      for (const each of held) this.#received(each);
    };
    if (!this.#settings.transitions || !document.startViewTransition) return take();
    this.#held = [];
    document.startViewTransition(take);
  }

  #take(frame: Frame, chars: number): void {
    const { join } = frame.extra;
    if (join) this.#joined(join);
    else if (!this.#socket.joined) return; // left over from before; the answer to the join brings everything
    this.#apply(frame, chars);
    if (join) this.#welcome(join);
    else this.#confirm.applied();
  }

  /** What the answer to a join means for everything that was remembered of the connection before. */
  #joined(join: Join): void {
    const first = !this.#socket.joined;
    if (first) this.#socket.welcome();
    this.#secret = join.secret;
    if (join.how === "navigate") {
      this.#dropped(this.#outbox.drop(), "the page was left");
      if (first) this.#outbox.resumed(join.n ?? 0); // of what was sent on this connection, nothing is lost
      this.#confirm.restart();
    } else if (join.how === "mount") {
      const before = this.#outbox.sent;
      this.#dropped(this.#outbox.mounted(), "the page was started afresh");
      this.#edits.mounted(before, join.recovered);
      this.#confirm.restart();
    } else {
      this.#outbox.resumed(join.n ?? 0);
    }
  }

  #welcome(join: Join): void {
    if (join.how === "navigate") this.#up({ kind: "here", reason: String(join.visit) });
    this.#view.joined(join.how);
    if (this.#status.set("connected")) this.#announce("connected", { how: join.how });
    this.#flush();
    if (join.how === "mount") this.#tellEdits();
    if (isFresh(join)) this.#navigation?.again();
  }

  #apply(frame: Frame, chars: number): void {
    const { ref, extra } = frame;
    const began = performance.now();
    const landed = extra.url && this.#navigation?.moved(extra.url, extra.join);
    if (extra.url) this.#notices.clear();
    if (extra.token) this.#root.setAttribute("data-live", extra.token);
    if (extra.join?.how === "navigate") frame = this.#swap(frame);
    this.#edits.frame(ref);
    this.#events.still = true;
    this.#pending.lift();
    const ops = this.#view.apply(frame);
    this.#writer.done(extra.html !== undefined);
    if (ops !== null) this.#announce("patched", { bytes: chars, ops, ms: performance.now() - began });
    this.#tag = extra.tag ?? (ops === null ? this.#tag : undefined);
    this.#answered(frame);
    this.#pending.settle();
    this.#events.still = false;
    // A fresh instance has taken the numbers of events that it does not know.
    if (!isFresh(extra.join)) this.#navigation?.answered(ref, extra.to !== undefined);
    if (extra.title !== undefined) retitle(extra.title);
    landed?.(this.#root);
    for (const [kind, text] of extra.flash ?? []) this.#notices.flash(kind, text);
    if (extra.s !== undefined) this.#mark(extra.s, extra.join?.how === "mount");
    for (const [n, text] of extra.error ?? []) this.#failed(n, text);
    for (const [name, detail] of extra.push ?? []) this.#announce(name, detail);
    if (extra.carry) document.cookie = `livelong_flash=${extra.carry};path=/;max-age=60;samesite=lax`;
    if (extra.to !== undefined && !load(extra.to)) this.#failed(0, `refused to load ${extra.to}`);
  }

  /** Puts another view in the place of the one that is shown. Returns what is left to be applied. */
  #swap(frame: Frame): Frame {
    const { html, ...extra } = frame.extra;
    const root = parseInside(this.#root.parentElement!, html ?? "").firstElementChild!;
    this.#leave();
    this.#root.replaceWith(root);
    this.#show(root);
    this.#status.move(root);
    this.#listen();
    return { ...frame, extra };
  }

  #answered({ ref, extra }: Frame): void {
    const replies = new Map(extra.reply);
    const errors = new Map(extra.error);
    for (const { n, source } of this.#outbox.answered(ref)) {
      const error = errors.get(n);
      const { event } = source;
      if (!event) {
        if (error === undefined) source.resolve?.(replies.get(n));
        else source.reject?.(new Error(error));
        continue;
      }
      this.#pending.remove(marked(event));
      // What was typed stays when the server could not take it.
      if (event.type !== "submit" || !event.form || error !== undefined) continue;
      // Or when it wants the browser to send it once more.
      if (event.form.hasAttribute("live-native")) event.form.requestSubmit(event.control === event.form ? null : (event.control as HTMLElement));
      else this.#edits.settle(event.form, n);
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
      if (owner.getAttribute("live-recover") === "") continue;
      this.#edits.edited(control); // until it is told
      if (told.has(owner)) continue;
      this.#events.again(control);
      if (owner === (control as Control).form) told.add(owner);
    }
  }

  #sendFrom(event: Outgoing): void {
    if (JSON.stringify(event.payload).length > MAX_UP_CHARS / 2) return this.#failed(0, LARGE);
    const same = ({ source: { event: e }, name }: Entry<Source>): boolean =>
      event.type === "change" && e?.owner === event.owner && name === event.name && (!!event.form || e.control === event.control);
    const newest = this.#outbox.newest;
    const entry = this.#outbox.add(event.name, event.payload, { from: event.owner, event }, same);
    if (!entry) return this.#failed(0, FULL);
    if (entry.n > newest) this.#pending.add(marked(event));
    const { owner, control, type } = event;
    if (type === "submit" || owner.hasAttribute("live-busy")) this.#pending.wait(owner, control);
    this.#edits.carried(entry.n, event.form ? event.form.elements : [event.control]);
    this.#flush();
  }

  #flush(): void {
    if (!this.#socket.joined) return;
    for (const { n, name, payload, source } of this.#outbox.take()) {
      const target = source.from?.closest("[live-child]")?.getAttribute("live-key") ?? undefined;
      this.#up({ kind: "event", n, name, payload: payload && Object.keys(payload).length > 0 ? payload : undefined, target });
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
    this.#pending.lift();
    for (const { source } of entries) {
      if (source.event) this.#pending.remove(marked(source.event));
      else source.reject?.(new Error(why));
    }
    this.#pending.settle();
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

  #announce(name: string, detail: unknown, cancelable = false): boolean {
    return window.dispatchEvent(new CustomEvent(`live:${name}`, { detail, cancelable }));
  }
}

const isFresh = (join?: Join): boolean => join?.how === "mount" || join?.how === "navigate";

/** The layout's title element may say what stands around each title: data-prefix, data-suffix, data-default. */
function retitle(title: string): void {
  const { prefix = "", suffix = "", default: otherwise = "" } = document.querySelector<HTMLElement>("head > title")?.dataset ?? {};
  document.title = prefix + (title || otherwise) + suffix;
}

const marked = ({ owner, control, form }: Outgoing): Element[] => (form ? [owner, control, form] : [owner, control]);
