// Kills a real process that writes, at random moments, and checks what the next one finds. `npm run test:kill` sets
// VARVE_KILLS for a long run.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { SimulatedRandom } from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";
import { type Child, startChild } from "../support/children.ts";
import { inOneFile } from "../support/one-file.ts";

const killCount = Number(process.env["VARVE_KILLS"] ?? 30);
/** Ends a long run sooner. */
const secondsMax = Number(process.env["VARVE_KILL_SECONDS"] ?? Number.POSITIVE_INFINITY);
/** A database grows by each round: begun anew so often, no round takes longer than the first ones. */
const roundsPerDatabase = 25;

let folder: string;
let script: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-kill-"));
  const source = fileURLToPath(new URL("./kill-child.mjs", import.meta.url));
  script = await inOneFile(source, join(folder, "script"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Life {
  /** The token the child found when it opened, or -1 where it was killed before. */
  readonly found: number;
  /** The highest token it acknowledged. */
  readonly acknowledged: number;
  readonly acknowledgedLsn: number;
  readonly failure: string | undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function startWriter(directory: string, durability: string, width: number): Child {
  return startChild(script, [directory, durability, String(width)]);
}

/** One life: lets a child make some progress, kills it so many ms later. */
async function liveAndDie(
  child: Child,
  after: "start" | "open" | "acknowledged",
  ms: number,
): Promise<Life> {
  if (after !== "start") await child.said(after);
  await pause(ms);
  child.kill();
  const lines = await child.ended;
  const opened = lines.find(([word]) => word === "open");
  const acknowledged = lines.filter(([word]) => word === "acknowledged");
  return {
    found: Number(opened?.[1] ?? -1),
    acknowledged: Math.max(0, ...acknowledged.map((words) => Number(words[1]))),
    acknowledgedLsn: Math.max(0, ...acknowledged.map((words) => Number(words[2]))),
    failure: lines.find(([word]) => word === "failed")?.join(" "),
  };
}

/** Everything acknowledged is there, tokens are a prefix without a hole, and each is whole. Returns the last token. */
async function checkDatabase(
  db: Database,
  from: number,
  acknowledged: number,
  acknowledgedLsn: number,
): Promise<number> {
  const counter = db.node("counter");
  const last = Number(counter?.props["token"] ?? 0);
  expect(last).toBeGreaterThanOrEqual(acknowledged);
  expect(db.lastLsn).toBeGreaterThanOrEqual(acknowledgedLsn);
  let nodes = last > 0 ? 1 : 0;
  for (let token = 1; token <= last; token++) {
    const parts = token % 40 === 0 ? 14 : 2;
    nodes += parts;
    if (token <= from) continue;
    const first = db.node(`t${token}/0`);
    expect(first?.props["token"]).toBe(token);
    expect([...db.neighbors(`t${token}/0`)]).toEqual([`t${token}/${parts - 1}`]);
  }
  expect(db.nodeCount).toBe(nodes);
  expect(db.edgeCount).toBe(last);
  const emitted: unknown[] = [];
  for await (const { changes } of db.changes({ live: false, from: 1 })) {
    for (const change of changes) if (change.kind === "event") emitted.push(change.value);
  }
  expect(emitted).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  return last;
}

type After = "start" | "open" | "acknowledged";

/** How long after that it is killed: most often within the first few transactions, or within its recovery. */
function delayMs(random: SimulatedRandom, after: After): number {
  if (after === "start") return 60 + random.below(200);
  return random.below(random.below(4) === 0 ? 60 : 12);
}

/** What all lanes have seen together. */
const seen = { kills: 0, unclean: 0, progress: 0, before: 0, found: 0, verified: 0 };

/** Kills and checks, again and again, in databases of its own, until all lanes together have killed enough. */
class Lane {
  readonly #name: string;
  readonly #random: SimulatedRandom;
  #directory = "";
  #last = 0;
  #acknowledged = 0;
  #acknowledgedLsn = 0;

  constructor(name: string) {
    this.#name = name;
    this.#random = new SimulatedRandom(20_260_101).fork(name);
  }

  async run(untilMs: number): Promise<void> {
    for (let round = 0; seen.kills < killCount && performance.now() < untilMs; round++) {
      if (round % roundsPerDatabase === 0) this.#begin(round);
      await this.#life(this.#random.below(2) === 0 ? "open" : "acknowledged");
      // Now and then a second process is killed while it recovers from the first one's end, unlooked at.
      if (this.#random.below(5) === 0) await this.#life("start");
      await this.#check(round % 5 === 0);
    }
  }

  #begin(round: number): void {
    if (this.#directory !== "") rmSync(this.#directory, { recursive: true });
    this.#directory = join(folder, `${this.#name}-${round}`);
    this.#last = 0;
    this.#acknowledged = 0;
    this.#acknowledgedLsn = 0;
  }

  async #life(after: After): Promise<void> {
    const random = this.#random;
    seen.kills++;
    const durability = random.below(3) === 0 ? "os" : "group";
    const width = [1, 8, 64][random.below(3)]!;
    const child = startWriter(this.#directory, durability, width);
    const told = await liveAndDie(child, after, delayMs(random, after));
    expect(told.failure).toBeUndefined();
    if (told.found >= 0) expect(told.found).toBeGreaterThanOrEqual(this.#acknowledged);
    else seen.before++;
    if (told.acknowledged > 0) seen.progress++;
    this.#acknowledged = Math.max(this.#acknowledged, told.acknowledged);
    this.#acknowledgedLsn = Math.max(this.#acknowledgedLsn, told.acknowledgedLsn);
  }

  async #check(isWhole: boolean): Promise<void> {
    const db = await open(this.#directory, { segmentBytes: 256 * 1024 });
    if (!db.recovery.clean) seen.unclean++;
    const before = this.#last;
    this.#last = await checkDatabase(db, before, this.#acknowledged, this.#acknowledgedLsn);
    // What this one has seen nobody may lose any more.
    this.#acknowledged = this.#last;
    this.#acknowledgedLsn = db.lastLsn;
    seen.found += this.#last - before;
    if (isWhole) {
      expect((await db.verify()).problems).toEqual([]);
      seen.verified++;
    }
    await db.close();
  }
}

describe("a process killed while it writes", () => {
  it(`loses nothing acknowledged, and leaves a prefix of whole transactions (${killCount} kills)`, {
    timeout: 120_000 + killCount * 10_000,
  }, async () => {
    const startedMs = performance.now();
    const startedCpu = process.cpuUsage();
    const told = setInterval(() => process.stdout.write(`  ${seen.kills} killed\n`), 60_000);
    try {
      // While one waits for its child to get somewhere, the other works.
      const lanes = [new Lane("a")];
      if (killCount > 100) lanes.push(new Lane("b"));
      await Promise.all(lanes.map((one) => one.run(startedMs + secondsMax * 1000)));
    } finally {
      clearInterval(told);
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    const { user, system } = process.cpuUsage(startedCpu);
    process.stdout.write(
      `killed at work: ${seen.kills} processes, ${seen.progress} after an acknowledgement, ` +
        `${seen.before} before they had opened; ${seen.unclean} logs recovered, ${seen.verified} verified whole, ` +
        `${seen.found} transactions found again; ${seconds} s, ${((user + system) / 1e6).toFixed(1)} s of processor time to check\n`,
    );
    // The rounds are worth something: many were killed at work, and the log had to be recovered. On a busy machine only those that
    // were waited for have written anything.
    expect(seen.progress).toBeGreaterThan(seen.kills / 10);
    expect(seen.unclean).toBeGreaterThan(seen.kills / 10);
  });
});

/** All but the table of allocations, which who has the lock writes some seconds later, by a timer. */
function filesOf(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "allocation")
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(names.sort().map((name) => [name, readFileSync(name).toString("base64")]));
}

describe("two processes", () => {
  it("the second is refused, changing nothing, until the first is killed; then it opens at once", {
    timeout: 60_000,
  }, async () => {
    const directory = join(folder, "locked");
    const db = await open(directory);
    await db.transact((tx) => tx.putNode("mine"));
    const before = filesOf(directory);
    const refused = startWriter(directory, "group", 1);
    expect((await refused.ended).join()).toContain("failed,LOCKED");
    expect(filesOf(directory)).toEqual(before);
    await db.close();

    const holder = startWriter(directory, "group", 1);
    await holder.said("acknowledged");
    await expect(open(directory)).rejects.toMatchObject({ code: "LOCKED" });
    holder.kill();
    await holder.ended;
    const startMs = performance.now();
    const next = await open(directory);
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(next.hasNode("mine")).toBe(true);
    expect(next.recovery.clean).toBe(false);
    await next.close();
  });

  it("opening at the same moment have one winner", { timeout: 120_000 }, async () => {
    for (let round = 0; round < 4; round++) {
      const directory = join(folder, `race${round}`);
      const racers = Array.from({ length: 3 }, () => startWriter(directory, "group", 1));
      const first = await Promise.all(racers.map((racer) => racer.said("acknowledged")));
      const outcomes = first.map((words) => (words[0] === "failed" ? words[1] : words[0]));
      for (const racer of racers) racer.kill();
      await Promise.all(racers.map((racer) => racer.ended));
      expect([...outcomes].sort()).toEqual(["LOCKED", "LOCKED", "acknowledged"]);
      const db = await open(directory);
      expect((await db.verify()).sound).toBe(true);
      await db.close();
    }
  });
});
