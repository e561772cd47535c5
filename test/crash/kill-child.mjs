// The process that kill.test.ts kills: opens a database with the built package, writes numbered tokens and says, on
// standard output and one line at a time, what was acknowledged. Arguments: directory, durability, tokens in flight.
import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { open } = await import(new URL("../../dist/varve.js", import.meta.url).href);

const options = { segmentBytes: 256 * 1024, syncIntervalMs: 5 };

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

/** Everything that a life does, once: the process that forks has it compiled then. */
export async function warmUp() {
  const folder = mkdtempSync(join(tmpdir(), "varve-warm-"));
  for (let life = 0; life < 2; life++) {
    const db = await open(folder, { durability: "group", ...options });
    const first = db.nodeCount;
    for (let token = first + 1; token <= first + 200; token++)
      await db.transact((tx) => write(tx, token));
    await db.close();
  }
  rmSync(folder, { recursive: true });
}

/** Never ends: it is killed, unless it fails. */
export async function main([directory, durability, width]) {
  try {
    const db = await open(directory, { durability, ...options });
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
}

if (process.argv[1]?.endsWith("kill-child.mjs")) await main(process.argv.slice(2));
