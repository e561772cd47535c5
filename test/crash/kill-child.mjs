// The process that kill.test.ts kills: opens a database with the built package, writes numbered tokens and says, on
// standard output and one line at a time, what was acknowledged. Arguments: directory, durability, tokens in flight.
import { writeSync } from "node:fs";
import { open } from "../../dist/varve.js";

const [directory, durability, width] = process.argv.slice(2);

// Written at once, so that nothing that was said is lost with the process.
function say(...words) {
  writeSync(1, `${words.join(" ")}\n`);
}

/** Every seventh token is small, every fortieth larger than a frame. */
function propsOf(token) {
  const length = token % 40 === 0 ? 3000 : token % 7 === 0 ? 0 : 40;
  return { token, text: String.fromCharCode(97 + (token % 26)).repeat(length) };
}

function write(tx, token) {
  const parts = token % 40 === 0 ? 14 : 2;
  for (let part = 0; part < parts; part++)
    tx.putNode(`t${token}/${part}`, { props: propsOf(token) });
  tx.addEdge(`t${token}/0`, "PART", `t${token}/${parts - 1}`, { token });
  tx.putNode("counter", { props: { token } });
  tx.emit("token", token);
}

try {
  const db = await open(directory, { durability, segmentBytes: 256 * 1024, syncIntervalMs: 5 });
  let token = db.node("counter")?.props.token ?? 0;
  say("open", token, db.lastLsn, db.recovery.clean);
  const next = async () => {
    const own = ++token;
    const receipt = await db.transact((tx) => write(tx, own));
    say("acknowledged", own, receipt.lastLsn);
  };
  const lane = async () => {
    for (;;) await next();
  };
  await Promise.all(Array.from({ length: Number(width) }, lane));
} catch (error) {
  say("failed", error.code ?? error.name, error.message);
  process.exitCode = 1;
}
