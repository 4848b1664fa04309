/** For pages without a script of their own: connects as soon as the page stands, with options from the script's tag. */
import { type Live, connect } from "./index.ts";

declare global {
  interface Window {
    livelong?: Live;
  }
}

const data = (document.currentScript as HTMLScriptElement | null)?.dataset ?? {};

function start(): void {
  const options: { [name: string]: number | boolean } = { transitions: data.transitions !== undefined };
  for (const name of ["reconnectMin", "reconnectMax", "statusDelay"]) {
    const value = data[name];
    if (value && Number(value) >= 0) options[name] = Number(value);
  }
  window.livelong = connect(options);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
else start();
