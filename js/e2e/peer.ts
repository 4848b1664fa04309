/** A server that is played by the test, frame by frame. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page, WebSocketRoute } from "@playwright/test";
import { root } from "./build.ts";

export type Frame = readonly [unknown, ...unknown[]];

/** One connection after another, as the server sees them. */
export class Peer {
  readonly joins: Frame[] = [];
  readonly frames: Frame[] = [];
  readonly #numbers: number[] = [];
  socket!: WebSocketRoute;
  /** Answers a join. */
  answer: (join: Frame) => unknown = () => [0, [], { join: { how: "adopt", secret: "s1" } }];

  connect(socket: WebSocketRoute): void {
    this.socket = socket;
    let joined = false;
    socket.onMessage((text) => {
      const frame = JSON.parse(String(text)) as Frame;
      if (joined) {
        if (frame.length > 1) this.#numbers.push(frame[0] as number);
        return void this.frames.push(frame);
      }
      joined = true;
      this.joins.push(frame);
      const answer = this.answer(frame);
      if (answer) this.send(answer);
    });
  }

  send(frame: unknown): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The events that have come, without what they carry. */
  events(): unknown[] {
    return this.frames.filter(([n]) => n !== 0).map((frame) => frame.slice(0, 2));
  }

  /** The events that have come, without their numbers, and forgets them. */
  take(): unknown[] {
    return this.frames.splice(0).filter((frame) => frame[0] !== 0 && frame.length > 1).map(([, ...rest]) => rest);
  }

  /** Answers all events that have come. */
  reply(patch: unknown[] = [], extra?: object): void {
    this.send([Math.max(0, ...this.#numbers), patch, ...(extra ? [extra] : [])]);
  }
}

/** Loads a page that shows a view's HTML, and waits until it is connected to the peer. */
export async function visit(page: Page, peer: Peer, view: string, statusDelay = 200): Promise<void> {
  await page.route("http://live.test/**", (route) => {
    const path = new URL(route.request().url()).pathname;
    if (path === "/live.js") return route.fulfill({ contentType: "text/javascript", body: readFileSync(join(root, "js/dist/livelong.auto.js")) });
    if (path === "/live.css") return route.fulfill({ contentType: "text/css", body: readFileSync(join(root, "js/dist/livelong.css")) });
    return route.fulfill({
      contentType: "text/html; charset=utf-8",
      body: `<!DOCTYPE html><html lang="en"><title>live</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/live.css">
<script src="/live.js" defer data-reconnect-min="10" data-reconnect-max="100" data-status-delay="${statusDelay}"></script>
<main><div data-live="TOKEN" data-live-tag="00c0ffee00c0ffee">${view}</div></main></html>`,
    });
  });
  await page.routeWebSocket("ws://live.test/**", (socket) => peer.connect(socket));
  await page.goto("http://live.test/page");
  await page.locator("[data-live].live-connected").waitFor();
}

