/** Builds the programs that the tests start. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

export const root = new URL("../../", import.meta.url).pathname;
export const bin = new URL(".out/bin/", import.meta.url).pathname;

export default function build(): void {
  mkdirSync(bin, { recursive: true });
  for (const pkg of ["./js/e2e/site", "./js/e2e/theatre", "./examples/counter", "./examples/login", "./examples/dashboard", "./live/internal/diff/difftest/pairs"]) {
    execFileSync("go", ["build", "-o", bin, pkg], { cwd: root, stdio: "inherit" });
  }
}
