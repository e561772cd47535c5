// A process that races for databases: for each line on standard input, a directory and the millisecond to begin at, it opens the
// database, and says whether it has it. "let go" closes it again.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { open } from "../../dist/varve.js";

// Written at once, so that nothing that was said is lost with the process.
function say(...words) {
  writeSync(1, `${words.join(" ")}\n`);
}

let db;
say("ready");
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "let go") {
    await db?.close();
    db = undefined;
    say("gone");
    continue;
  }
  const [directory, atMs] = line.split("\t");
  while (Date.now() < Number(atMs));
  try {
    db = await open(directory, { segmentBytes: 64 * 1024 });
    const token = db.nodeCount;
    await db.transact((tx) => tx.putNode(`t${token}`, { props: { pid: process.pid } }));
    say("won", token);
  } catch (error) {
    say("lost", error.code ?? error.message);
  }
}
