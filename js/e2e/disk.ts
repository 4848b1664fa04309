/** Trouble with the directory in which a home keeps what is stored: what a disk does on its own bad days. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { Home } from "./fixtures.ts";

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The files of objects. */
export const objects = ({ data }: Home): string[] =>
  files(join(data, "state")).filter((file) => !/^(?:tmp|lock)\b/.test(relative(join(data, "state"), file)));

/** Makes every stored object unreadable and unwritable, for root, too: a directory stands in its place. */
export function takeAway(home: Home): () => void {
  const away = join(home.data, "away");
  mkdirSync(away);
  const moved = objects(home).map((file, i) => [file, join(away, String(i))] as const);
  for (const [file, aside] of moved) {
    renameSync(file, aside);
    mkdirSync(file);
  }
  return () => {
    for (const [file, aside] of moved) {
      rmdirSync(file);
      renameSync(aside, file);
    }
    rmdirSync(away);
  };
}

/** Makes reads and writes wait, as behind another process that is writing. */
export async function hold(home: Home): Promise<() => Promise<void>> {
  const holders = await Promise.all(
    files(join(home.data, "state", "lock")).map(async (file) => {
      const holder = spawn("flock", ["-x", file, "sh", "-c", "echo held; cat"], { stdio: ["pipe", "pipe", "inherit"] });
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      return holder;
    }),
  );
  return async () => {
    for (const holder of holders) {
      const ended = new Promise((resolve) => holder.once("exit", resolve));
      holder.stdin.end();
      await ended;
    }
  };
}
