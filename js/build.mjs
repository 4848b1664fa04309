// Builds js/dist from js/src. The output depends on nothing but the sources and esbuild's version: it is committed.
import { build } from "esbuild";
import { report } from "./size.mjs";

const common = { bundle: true, target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };
const source = (name) => new URL(`src/${name}`, import.meta.url).pathname;
const output = (name) => new URL(`dist/${name}`, import.meta.url).pathname;

await build({ ...common, entryPoints: [source("index.ts")], format: "esm", outfile: output("livelong.js") });
await build({ ...common, entryPoints: [source("auto.ts")], format: "iife", minify: true, outfile: output("livelong.auto.js") });
await build({ ...common, entryPoints: [source("livelong.css")], minify: true, outfile: output("livelong.css") });
report();
