// The process that the tests of this folder trace, fill the disk of, or kill: a short life of a database that makes every kind
// of file, saying on standard output, one line at a time, what came of each step. Arguments: the directory, and for a fork the descriptor on which it hears that it
// may begin.
import { mkdtempSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { open } = await import(new URL("../../dist/varve.js", import.meta.url).href);
const { SimulatedWorkers } = await import(
  new URL("../../dist/testing/testing.js", import.meta.url).href
);

// Written at once, so that nothing that was said is lost with the process.
function say(...words) {
  writeSync(1, `${words.join(" ")}\n`);
}

/** Every fourth token needs more than a frame, so that segments are rolled. */
function partsOf(token) {
  return token % 4 === 0 ? 12 : 2;
}

function write(tx, token) {
  const parts = partsOf(token);
  for (let part = 0; part < parts; part++) {
    tx.putNode(`t${token}/${part}`, { props: { token, text: "x".repeat(parts > 2 ? 4000 : 40) } });
  }
  tx.addEdge(`t${token}/0`, "PART", `t${token}/${parts - 1}`, { token });
  tx.emit("token", token);
}

/** Says how a step ended; whatever it throws must be an error of ours. */
async function step(what, token, tell, work) {
  try {
    await work();
    tell("did", what, token);
    return true;
  } catch (error) {
    tell(error.name === "VarveError" ? "refused" : "broke", what, token, error.code, error.message);
    return false;
  }
}

/**
 * Threads of a process that was forked wait in vain for those of V8 that the fork did not take along: there, what runs in threads
 * otherwise runs in this one, with the same calls.
 */
function workersOf(isFork) {
  return isFork ? new SimulatedWorkers() : undefined;
}

async function live(directory, isFork, tell) {
  let db;
  const opened = await step("open", 0, tell, async () => {
    db = await open(directory, {
      segmentBytes: 64 * 1024,
      memoryBudget: 16 * 2 ** 20,
      workers: workersOf(isFork),
    });
  });
  if (!opened) return;
  const first = db.nodeCount === 0 ? 1 : 1000;
  const commit = (token) =>
    step("commit", token, tell, () => db.transact((tx) => write(tx, token)));
  for (let token = first; token < first + 10; token++) await commit(token);
  await step("checkpoint", 0, tell, () => db.checkpoint());
  await commit(first + 10);
  await step("close", 0, tell, () => db.close());
}

/** A whole life, unheard, and one that opens what it left: the process that forks has everything compiled then. */
export async function warmUp() {
  const folder = mkdtempSync(join(tmpdir(), "varve-warm-"));
  for (let life = 0; life < 2; life++) await live(folder, true, () => {});
  rmSync(folder, { recursive: true });
}

export async function main([directory, hears]) {
  if (hears !== undefined) readSync(Number(hears), Buffer.alloc(1));
  await live(directory, hears !== undefined, say);
  say("end", 0, 0);
}

if (process.argv[1]?.endsWith("ring-child.mjs")) await main(process.argv.slice(2));
