// Builds js/dist from js/src. The output depends on nothing but the sources and the versions of the tools: it is committed.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser";
import { report } from "./size.mjs";

const common = { bundle: true, target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };
const source = (name) => new URL(`src/${name}`, import.meta.url).pathname;
const output = (name) => new URL(`dist/${name}`, import.meta.url).pathname;

await build({ ...common, entryPoints: [source("index.ts")], format: "esm", outfile: output("livelong.js") });
await build({ ...common, entryPoints: [source("auto.ts")], format: "iife", minify: true, outfile: output("livelong.auto.js") });
// What esbuild has made small, terser makes smaller by 4 %: it folds across statements.
const small = await minify(readFileSync(output("livelong.auto.js"), "utf8"), {
  ecma: 2022,
  compress: { passes: 4, keep_fargs: false, pure_getters: true, unsafe_arrows: true },
});
writeFileSync(output("livelong.auto.js"), small.code);
await build({ ...common, entryPoints: [source("latency.auto.ts")], format: "iife", minify: true, outfile: output("livelong.latency.js") });
await build({ ...common, entryPoints: [source("livelong.css")], minify: true, outfile: output("livelong.css") });
report();
