/** For pages without a script of their own: connects as soon as the page stands, with options from the script's tag. */
import { type Live, connect } from "./index.ts";

declare global {
  interface Window {
    livelong?: Live;
  }
}

const data = (document.currentScript as HTMLScriptElement | null)?.dataset ?? {};
const number = (value: string | undefined): number | undefined => (value && Number(value) >= 0 ? Number(value) : undefined);

function start(): void {
  window.livelong = connect({
    reconnectMin: number(data.reconnectMin),
    reconnectMax: number(data.reconnectMax),
    statusDelay: number(data.statusDelay),
    transitions: data.transitions !== undefined,
  });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
else start();
