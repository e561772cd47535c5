// Two processes open one database at the same moment, again and again. `npm run test:kernel` sets VARVE_RACES to their number;
// `npm test` takes a few.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/varve.ts";
import { type Child, ForkServer, plainChild } from "../support/children.ts";

const racesDue = Number(process.env["VARVE_RACES"] ?? 20);
const script: string = fileURLToPath(new URL("./race-child.mjs", import.meta.url));
const folder: string = mkdtempSync(join(tmpdir(), "varve-race-"));
/** Both have read their line by then. */
const startInMs = 15;

const racers: Child[] = [];
let forks: ForkServer | string;

beforeAll(async () => {
  forks = await ForkServer.start(script, folder);
});

async function racer(place: number): Promise<Child> {
  const there = racers[place];
  if (there !== undefined) return there;
  const one = typeof forks === "string" ? plainChild(script, ["0"]) : await forks.child(["1"]);
  racers[place] = one;
  expect(await one.next()).toEqual(["ready"]);
  return one;
}

async function killed(one: Child): Promise<void> {
  one.kill();
  await one.ended;
}

afterAll(async () => {
  for (const one of racers) if (one !== undefined) await killed(one);
  if (typeof forks !== "string") await forks?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("two processes that open one database at the same moment", () => {
  it(`have one winner, and its death lets the next one in within a second (${racesDue} races)`, {
    timeout: 120_000 + racesDue * 10_000,
  }, async () => {
    const startedMs = performance.now();
    let slowestMs = 0;
    let deaths = 0;
    const wins = [0, 0];
    for (let race = 0; race < racesDue; race++) {
      // A new database for every race but each third, which opens the one before again.
      const directory = join(folder, `db${race - (race % 3 === 2 ? 1 : 0)}`);
      const both = [await racer(0), await racer(1)];
      const atMs = Date.now() + startInMs;
      for (const one of both) one.tell(`${directory}\t${atMs}\n`);
      const said = await Promise.all(both.map(async (one) => (await one.next())?.join(" ")));
      expect([...said].sort()[0]).toBe("lost LOCKED");
      const place = said.findIndex((line) => line?.startsWith("won"));
      const winner = both[place]!;
      wins[place]!++;
      const token = Number(said[place]!.split(" ")[1]);
      if (race % 4 === 3) {
        await killed(winner);
        delete racers[place];
        deaths++;
      } else {
        winner.tell("let go\n");
        expect(await winner.next()).toEqual(["gone"]);
      }
      const sinceMs = performance.now();
      const db = await open(directory);
      const tookMs = performance.now() - sinceMs;
      expect(db.nodeCount).toBe(token + 1);
      expect(db.node(`t${token}`)?.props["pid"]).toBe(winner.pid);
      await db.close();
      if (race % 4 === 3) slowestMs = Math.max(slowestMs, tookMs);
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(
      `races: ${racesDue}, won ${wins.join(" and ")}; ${deaths} winners killed, ` +
        `the next open took ${slowestMs.toFixed(0)} ms at the most; ${seconds} s\n`,
    );
    expect(deaths).toBeGreaterThan(0);
    expect(slowestMs).toBeLessThan(1000);
  });
});
