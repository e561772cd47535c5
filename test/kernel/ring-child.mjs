// The process that the tests of this folder trace, fill the disk of, or kill: a short life of a database that makes every kind
// of file, saying on standard output, one line at a time, what came of each step. Argument: the directory.
import { writeSync } from "node:fs";
import { open } from "../../dist/varve.js";

const [directory] = process.argv.slice(2);

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
async function step(what, token, work) {
  try {
    await work();
    say("did", what, token);
    return true;
  } catch (error) {
    say(error.name === "VarveError" ? "refused" : "broke", what, token, error.code, error.message);
    return false;
  }
}

let db;
const opened = await step("open", 0, async () => {
  db = await open(directory, { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 });
});
if (opened) {
  const first = db.nodeCount === 0 ? 1 : 1000;
  for (let token = first; token < first + 10; token++) {
    await step("commit", token, () => db.transact((tx) => write(tx, token)));
  }
  await step("checkpoint", 0, () => db.checkpoint());
  await step("commit", first + 10, () => db.transact((tx) => write(tx, first + 10)));
  await step("close", 0, () => db.close());
}
say("end", 0, 0);
