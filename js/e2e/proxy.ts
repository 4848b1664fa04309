/** A proxy in front of a server, so that a browser's origin stays while the server behind it is another one. */
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

export class Proxy {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #target: URL | null = null;
  /** Connections that came while there was no server: they wait, as those of a supervised one do. */
  #waiting: Socket[] = [];
  /** Milliseconds that everything takes from now on, each way. */
  delay = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#hold(socket);
      if (this.#target) this.#join(socket, this.#target);
      else this.#waiting.push(socket);
    });
  }

  static async listen(): Promise<Proxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Proxy(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The server's address; null while there is none. */
  set target(url: string | null) {
    this.#target = url === null ? null : new URL(url);
    if (!this.#target) return;
    for (const socket of this.#waiting.splice(0)) this.#join(socket, this.#target);
  }

  /** Breaks all connections without a word, as a network does. */
  cut(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #hold(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#open.delete(socket));
  }

  #join(browser: Socket, { hostname, port }: URL): void {
    const server = connect(Number(port), hostname.replace(/[[\]]/g, ""));
    this.#hold(server);
    browser.on("close", () => server.destroy());
    server.on("close", () => browser.destroy());
    this.#pass(browser, server);
    this.#pass(server, browser);
  }

  /** Nothing overtakes anything, though the delay may change. */
  #pass(from: Socket, to: Socket): void {
    const late: (() => void)[] = [];
    const later = (deliver: () => void): void => {
      if (this.delay === 0 && late.length === 0) return deliver();
      late.push(deliver);
      setTimeout(() => late.shift()!(), this.delay);
    };
    from.on("data", (chunk) => later(() => to.writable && to.write(chunk)));
    from.on("end", () => later(() => to.end()));
  }
}
