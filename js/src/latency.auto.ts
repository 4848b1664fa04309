/** For pages in development, before the client: gives window.livelong the method latency. */
import { Latency, slow } from "./latency.ts";

const latency = new Latency();
latency.start();
window.WebSocket = slow(window.WebSocket, latency);

/** The client, which comes later, makes the object. */
const offer = (): void => void Object.assign((window.livelong ??= {} as NonNullable<typeof window.livelong>), { latency: (ms: number) => latency.set(ms) });
for (const type of ["DOMContentLoaded", "load"]) addEventListener(type, offer);
if (document.readyState !== "loading") offer();
