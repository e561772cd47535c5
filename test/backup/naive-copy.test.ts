// Copies the files of an open database one after another while it is written, as a copying program does: what opens is a prefix of its
// history, all else is refused.
import { beforeAll, describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import { type Database, VarveError } from "../../src/varve.ts";
import { recordCalls } from "../support/recorded-life.ts";
import { copy, openAt, original, write } from "./support.ts";

let moments: SimulatedDisk[];
let history: string[];

async function historyOf(db: Database): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of db.changes({ live: false })) {
    for (const change of batch.changes) found.push(JSON.stringify(change));
  }
  return found;
}

beforeAll(async () => {
  const disk = new SimulatedDisk({ seed: 2, trace: "none" });
  disk.writeFile("/data/other", new Uint8Array(1));
  const points = await recordCalls(
    disk,
    () => undefined,
    async () => {
      for (const turns of [
        [0, 30],
        [30, 60],
      ] as const) {
        const db = await openAt(disk, original);
        for (let turn = turns[0]; turn < turns[1]; turn++) await write(db, turn, 6000);
        history = await historyOf(db);
        await db.close();
      }
    },
  );
  moments = points.map(({ disk: moment }) => moment);
});

/** The files of the database, each as it is at a moment of its own. */
function copied(momentOf: (ordinal: number) => SimulatedDisk | undefined): SimulatedDisk {
  const target = new SimulatedDisk({ seed: 3, trace: "none" });
  target.writeFile("/data/other", new Uint8Array(1));
  const names = new Set<string>();
  for (const moment of [momentOf(0), momentOf(100)]) {
    for (const path of moment?.listAll() ?? []) if (path.startsWith(original)) names.add(path);
  }
  for (const [ordinal, path] of [...names].sort().entries()) {
    const moment = momentOf(ordinal);
    if (path.endsWith("/lock") || !moment?.listAll().includes(path)) continue;
    target.writeFile(copy + path.slice(original.length), moment.readFile(path));
  }
  return target;
}

/** How an opening ends: refused, or how much of the history there is. */
async function opened(disk: SimulatedDisk, what: string): Promise<number | string> {
  let db: Database;
  try {
    db = await openAt(disk, copy, { create: false });
  } catch (error) {
    if (error instanceof VarveError && ["CORRUPT", "NOT_FOUND"].includes(error.code))
      return error.code;
    throw new Error(what, { cause: error });
  }
  const found = await historyOf(db);
  for (const [at, text] of found.entries()) {
    if (text !== history[at]) throw new Error(`${what}: change ${at} is ${text.slice(0, 100)}`);
  }
  const { sound } = await db.verify();
  if (!sound) throw new Error(`${what}: it is not sound`);
  await db.close();
  return found.length;
}

describe("a copy made file by file while the database is open", () => {
  it.each([
    ["forwards", 1],
    ["backwards", -1],
  ])("opens as a prefix of the history, or not at all: %s in time", async (_way, direction) => {
    const outcomes: (number | string)[] = [];
    for (let start = 5; start < moments.length; start += 17) {
      for (const pace of [1, 5]) {
        const last = moments.length - 1;
        const at = (ordinal: number): number =>
          Math.max(0, Math.min(last, start + direction * pace * ordinal));
        const disk = copied((ordinal) => moments[at(ordinal)]);
        outcomes.push(await opened(disk, `from ${start}, ${pace} calls a file`));
      }
    }
    // What is copied later and is older tells of less than there is; what is newer tells of what is missing.
    const refused = outcomes.filter((outcome) => outcome === "CORRUPT").length;
    if (direction > 0) expect(refused).toBeGreaterThan(5);
    else expect(refused).toBe(0);
    expect(outcomes.filter((outcome) => typeof outcome === "number").length).toBeGreaterThan(0);
  });

  it("is refused where one file is put back to an older state", async () => {
    const [old, now] = [moments[Math.floor(moments.length / 3)]!, moments.at(-1)!];
    const outcomes: Record<string, number | string> = {};
    for (const path of now.listAll().filter((name) => name.startsWith(original))) {
      if (path.endsWith("/lock") || !old.listAll().includes(path)) continue;
      const disk = copied(() => now);
      disk.writeFile(copy + path.slice(original.length), old.readFile(path));
      const name = path.slice(original.length + 1);
      outcomes[name] = await opened(disk, name);
    }
    const segments = Object.entries(outcomes).filter(([name]) => name.endsWith(".log"));
    const older = segments.filter(([name]) => {
      const path = `${original}/${name}`;
      return Buffer.compare(old.readFile(path), now.readFile(path)) !== 0;
    });
    expect(older.map(([, outcome]) => outcome)).toEqual(older.map(() => "CORRUPT"));
    expect(older.length).toBeGreaterThan(0);
    // Either copy of the manifest is enough, and what is derived counts for nothing.
    for (const name of ["manifest.a", "manifest.b", "watermark", "allocation"]) {
      expect(outcomes[name], name).toBe(history.length);
    }
  });
});
