// Prints what the client weighs, and as a program fails when the script of a page is over its budget.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 14_336; // bytes of livelong.auto.js after gzip -9

const read = (name) => readFileSync(new URL(`dist/${name}`, import.meta.url));
const gzipped = (name) => gzipSync(read(name), { level: 9 }).length;

export function report() {
  for (const name of ["livelong.js", "livelong.auto.js", "livelong.latency.js", "livelong.css"]) {
    console.log(`${name.padEnd(20)} ${String(read(name).length).padStart(7)} B ${String(gzipped(name)).padStart(7)} B gzip -9`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  report();
  if (gzipped("livelong.auto.js") > BUDGET) {
    console.error(`livelong.auto.js is over its budget of ${BUDGET} B`);
    process.exitCode = 1;
  }
}
