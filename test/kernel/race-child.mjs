// A process that races for databases: for each line that it hears, a directory and the millisecond to begin at, it opens the
// database, and says whether it has it. "let go" closes it again. Argument: the descriptor it hears on.
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockingLines } from "../support/block-lines.mjs";

const { open } = await import(new URL("../../dist/varve.js", import.meta.url).href);

// Written at once, so that nothing that was said is lost with the process.
function say(...words) {
  writeSync(1, `${words.join(" ")}\n`);
}

async function take(directory) {
  const db = await open(directory, { segmentBytes: 64 * 1024 });
  const token = db.nodeCount;
  await db.transact((tx) => tx.putNode(`t${token}`, { props: { pid: process.pid } }));
  return { db, token };
}

/** Everything that a race needs, once: the process that forks has it compiled then. */
export async function warmUp() {
  const folder = mkdtempSync(join(tmpdir(), "varve-warm-"));
  for (let race = 0; race < 3; race++) await (await take(folder)).db.close();
  rmSync(folder, { recursive: true });
}

export async function main([hears]) {
  const nextLine = blockingLines(Number(hears));
  let held;
  say("ready");
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    if (line === "let go") {
      await held.db.close();
      say("gone");
      continue;
    }
    const [directory, atMs] = line.split("\t");
    while (Date.now() < Number(atMs));
    try {
      held = await take(directory);
      say("won", held.token);
    } catch (error) {
      say("lost", error.code ?? error.message);
    }
  }
}

if (process.argv[1]?.endsWith("race-child.mjs")) await main(process.argv.slice(2));
