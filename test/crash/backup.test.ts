// Breaks backups before and after every call of the disk: what is there opens as the old backup or as the new one, and the next backup
// goes through.
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import { type Database, VarveError } from "../../src/varve.ts";
import { copy, openAt, original, write } from "../backup/support.ts";
import { digestOf } from "../corruption/specimen.ts";
import {
  afterLoss,
  contentOf,
  type Loss,
  lossesAt,
  recordCalls,
} from "../support/crash-explorer.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 120_000;

interface Known {
  /** Digests that the copy may have; undefined: it may not be there yet. */
  readonly old: string | undefined;
  readonly new: string;
}

/** What an interrupted first backup may be taken for: nothing. */
const notThere: ReadonlySet<string> = new Set(["NOT_FOUND", "CORRUPT"]);

const tally = { states: 0, distinct: 0, old: 0, new: 0, none: 0 };
const checked = new Set<string>();

async function judge(disk: SimulatedDisk, known: Known, label: string): Promise<void> {
  tally.states++;
  const key = `${contentOf(disk)} ${known.new}`;
  if (checked.has(key)) return;
  checked.add(key);
  tally.distinct++;
  try {
    const found = await copied(disk.clone());
    if (found === undefined && known.old !== undefined) throw new Error("the old backup is gone");
    if (found !== undefined && found !== known.old && found !== known.new) {
      throw new Error("it opens as something that it never was");
    }
    tally[found === undefined ? "none" : found === known.new ? "new" : "old"]++;
    if (!isThorough && tally.distinct % 4 > 0) return;
    const again = await openAt(disk, original);
    const digest = await digestOf(again);
    await again.backup(copy);
    await again.close();
    if ((await copied(disk.clone())) !== digest) throw new Error("the next backup is not the same");
    const there = await openAt(disk, copy, { create: false });
    const { sound } = await there.verify();
    if (!sound) throw new Error("the next backup is not sound");
    await there.close();
    if (disk.openFiles > 0) throw new Error(`${disk.openFiles} files are still open`);
  } catch (cause) {
    throw new Error(`${label}: ${(cause as Error).message}`, { cause });
  }
}

/** The digest of the copy, or undefined where there is none. */
async function copied(disk: SimulatedDisk): Promise<string | undefined> {
  let db: Database;
  try {
    db = await openAt(disk, copy, { create: false });
  } catch (error) {
    if (error instanceof VarveError && notThere.has(error.code)) return undefined;
    throw error;
  }
  const digest = await digestOf(db);
  await db.close();
  return digest;
}

function some({ disk }: { readonly disk: SimulatedDisk }, turn: number): Loss[] {
  const all = lossesAt(disk);
  if (isThorough) return all;
  return [...new Set([undefined, all[1 + (turn % 2)], all[(turn * 7) % all.length]])];
}

/** Backups of a database that grows, rolls and is opened in between; each is broken at every call. */
async function explore(): Promise<void> {
  const disk = new SimulatedDisk({ seed: 2, trace: "none" });
  disk.writeFile("/data/other", new Uint8Array(1));
  let old: string | undefined;
  let turn = 0;
  // Within one segment; into the next ones; nothing new; the copy opened; a state without an event.
  for (const amounts of [
    [200, 300],
    [300],
    [40_000, 40_000, 50_000],
    [],
    [100],
    [30_000, 30_000],
  ]) {
    const db = await openAt(disk, original);
    for (const bytes of amounts) await write(db, turn++, bytes);
    const digest = await digestOf(db);
    await db.close();
    const source = await openAt(disk, original);
    const known: Known = { old, new: digest };
    const points = await recordCalls(
      disk,
      () => known,
      async () => {
        await source.backup(copy);
      },
    );
    await source.close();
    for (const [at, point] of points.entries()) {
      for (const loss of some(point, at)) {
        const { disk: after } = afterLoss(point.disk, loss);
        await judge(after, known, `backup ${turn}: ${point.label}; ${loss?.label ?? "kill"}`);
      }
    }
    old = digest;
    if (turn === 7) {
      const there = await openAt(disk, copy);
      await there.close();
    }
  }
}

describe("a backup that is broken off", () => {
  it("leaves the old one or the new one, and the next one goes through", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    await explore();
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`backups: ${JSON.stringify(tally)} in ${seconds} s\n`);
    expect(tally.distinct).toBeGreaterThan(150);
    for (const kind of ["old", "new", "none"] as const) expect(tally[kind]).toBeGreaterThan(5);
  });
});
