// Kills a real process that writes, at random moments, and checks what the next one finds. `npm run test:kill` sets
// VARVE_KILLS for a long run.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { SimulatedRandom } from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";

const script = fileURLToPath(new URL("./kill-child.mjs", import.meta.url));
const killCount = Number(process.env["VARVE_KILLS"] ?? 50);
/** A database grows by each round: begun anew so often, no round takes longer than the first ones. */
const roundsPerDatabase = 25;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-kill-"));
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

interface Child {
  readonly process: ChildProcess;
  /** Resolves with the next line that begins with a word. */
  said(word: string): Promise<string[]>;
  readonly ended: Promise<string[][]>;
}

function startChild(directory: string, durability: string, width: number): Child {
  const child = spawn(process.execPath, [script, directory, durability, String(width)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const waiting: { word: string; tell: (words: string[]) => void }[] = [];
  const lines = (): string[][] =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" "));
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more;
    for (const { word, tell } of waiting) {
      const line = lines().find(([first]) => first === word || first === "failed");
      if (line !== undefined) tell(line);
    }
  });
  const ended = new Promise<string[][]>((resolve) => {
    child.once("close", () => resolve(lines()));
  });
  const said = (word: string): Promise<string[]> =>
    new Promise((resolve) => {
      waiting.push({ word, tell: resolve });
      void ended.then(() => resolve([]));
    });
  return { process: child, said, ended };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One life: lets a child make some progress, kills it so many ms later. */
async function liveAndDie(
  directory: string,
  durability: string,
  width: number,
  after: "start" | "open" | "acknowledged",
  ms: number,
): Promise<Life> {
  const child = startChild(directory, durability, width);
  if (after !== "start") await child.said(after);
  await pause(ms);
  child.process.kill("SIGKILL");
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

describe("a process killed while it writes", () => {
  it(`loses nothing acknowledged, and leaves a prefix of whole transactions (${killCount} kills)`, {
    timeout: 120_000 + killCount * 10_000,
  }, async () => {
    const random = new SimulatedRandom(20_260_101);
    const startedMs = performance.now();
    const seen = { unclean: 0, progress: 0, before: 0, transactions: 0 };
    let directory = "";
    let last = 0;
    for (let kills = 0; kills < killCount; ) {
      if (kills % roundsPerDatabase === 0 || directory === "") {
        directory = join(folder, `db${kills}`);
        last = 0;
      }
      // Now and then a second process is killed while it recovers from the first one's end, unlooked at.
      const lives = random.below(5) === 0 ? 2 : 1;
      let acknowledged = last;
      let acknowledgedLsn = 0;
      for (let life = 0; life < lives && kills < killCount; life++, kills++) {
        const durability = random.below(3) === 0 ? "os" : "group";
        const width = [1, 8, 64][random.below(3)]!;
        const after = (["start", "open", "acknowledged"] as const)[
          life === 1 ? 0 : 1 + random.below(2)
        ]!;
        const ms = after === "start" ? 60 + random.below(200) : random.below(60);
        const told = await liveAndDie(directory, durability, width, after, ms);
        expect(told.failure).toBeUndefined();
        if (told.found >= 0) expect(told.found).toBeGreaterThanOrEqual(acknowledged);
        else seen.before++;
        if (told.acknowledged > 0) seen.progress++;
        acknowledged = Math.max(acknowledged, told.acknowledged);
        acknowledgedLsn = Math.max(acknowledgedLsn, told.acknowledgedLsn);
      }
      const db = await open(directory, { segmentBytes: 256 * 1024 });
      if (!db.recovery.clean) seen.unclean++;
      const before = last;
      last = await checkDatabase(db, last, acknowledged, acknowledgedLsn);
      seen.transactions += last - before;
      if (kills % 5 === 0) expect((await db.verify()).problems).toEqual([]);
      await db.close();
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(
      `killed at work: ${killCount} lives, ${seen.progress} after an acknowledgement, ${seen.before} before they had opened; ` +
        `${seen.unclean} logs recovered, ${seen.transactions} transactions found again; ${seconds} s\n`,
    );
    // The rounds are worth something: many were killed at work, and the log had to be recovered. On a busy machine only those that
    // were waited for have written anything.
    expect(seen.progress).toBeGreaterThan(killCount / 10);
    expect(seen.unclean).toBeGreaterThan(killCount / 10);
  });
});

function filesOf(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
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
    const refused = startChild(directory, "group", 1);
    expect((await refused.ended).join()).toContain("failed,LOCKED");
    expect(filesOf(directory)).toEqual(before);
    await db.close();

    const holder = startChild(directory, "group", 1);
    await holder.said("acknowledged");
    await expect(open(directory)).rejects.toMatchObject({ code: "LOCKED" });
    holder.process.kill("SIGKILL");
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
      const racers = Array.from({ length: 3 }, () => startChild(directory, "group", 1));
      const first = await Promise.all(racers.map((racer) => racer.said("acknowledged")));
      const outcomes = first.map((words) => (words[0] === "failed" ? words[1] : words[0]));
      for (const racer of racers) racer.process.kill("SIGKILL");
      await Promise.all(racers.map((racer) => racer.ended));
      expect([...outcomes].sort()).toEqual(["LOCKED", "LOCKED", "acknowledged"]);
      const db = await open(directory);
      expect((await db.verify()).sound).toBe(true);
      await db.close();
    }
  });
});
