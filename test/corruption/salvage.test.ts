// Repairs damaged databases: what was whole and is not named as lost is there, what is there is sound, and a dry run says the same and changes
// nothing.
import { beforeAll, describe, expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import type { LostRange } from "../../src/recovery/salvage-report.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import type { Change, Database } from "../../src/varve.ts";
import {
  cleanSpecimen,
  digestOf,
  directory,
  imageOf,
  indexedSpecimen,
  openOn,
  sameImage,
  segmentBytes,
  withFile,
  withoutFile,
} from "./specimen.ts";

const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = 900_000;

interface Sample {
  readonly disk: SimulatedDisk;
  readonly image: Map<string, Buffer>;
  readonly changes: ReadonlyMap<number, string>;
  readonly digest: string;
  readonly lastLsn: number;
}

const samples: Sample[] = [];

beforeAll(async () => {
  for (const disk of [await cleanSpecimen(1), await indexedSpecimen(2)]) {
    const { db } = await openOn(disk.clone());
    const changes = await changesOf(db);
    const [digest, { lastLsn }] = [await digestOf(db), db];
    await db.close();
    samples.push({ disk, image: imageOf(disk), changes, digest, lastLsn });
  }
});

async function changesOf(db: Database): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const batch of db.changes({ live: false })) {
    for (const change of batch.changes) found.set(change.lsn, textOf(change));
  }
  return found;
}

function textOf(change: Change): string {
  return JSON.stringify(change, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  });
}

function isLost(lost: readonly LostRange[], lsn: number): boolean {
  return lost.some((range) => lsn >= range.firstLsn && lsn <= range.lastLsn);
}

interface Repaired {
  readonly lost: readonly LostRange[];
  readonly sound: boolean;
}

/** Tries a repair, repairs, opens, compares, writes, verifies. */
async function judge(sample: Sample, damaged: SimulatedDisk, what: string): Promise<Repaired> {
  try {
    const options = { ...simulatedPorts({ disk: damaged, seed: 4 }), segmentBytes };
    const before = imageOf(damaged);
    const tried = await repair(directory, { ...options, dryRun: true });
    if (!sameImage(before, imageOf(damaged))) throw new Error("a dry run changed something");
    const report = await repair(directory, options);
    expect(report.lost).toEqual(tried.lost);
    expect(report.sound).toBe(tried.sound);
    const { db, ports } = await openOn(damaged);
    const found = await changesOf(db);
    for (const [lsn, text] of sample.changes) {
      const isThere = found.get(lsn);
      if (isLost(report.lost, lsn)) {
        if (isThere !== undefined) throw new Error(`LSN ${lsn} is said to be lost and is there`);
      } else if (isThere !== text) {
        throw new Error(`LSN ${lsn} is ${isThere} and was ${text}`);
      }
    }
    const phantom = [...found.keys()].find((lsn) => !sample.changes.has(lsn));
    if (phantom !== undefined) throw new Error(`LSN ${phantom} never was`);
    const digest = await digestOf(db);
    if (report.lost.length === 0) expect(digest).toBe(sample.digest);
    if (!report.sound) {
      for (const [path, bytes] of before) {
        if (!path.endsWith(".log")) continue;
        const kept = damaged
          .listAll()
          .filter((name) => name.endsWith(path.slice(path.lastIndexOf("/"))));
        const isKept = kept.some((name) =>
          bytes.equals(damaged.readFile(name).subarray(0, bytes.length)),
        );
        if (!isKept) throw new Error(`${path} is nowhere kept`);
      }
    }
    const { firstLsn } = await db.transact((tx) => tx.putNode("after the repair"));
    if (firstLsn <= sample.lastLsn) throw new Error(`LSN ${firstLsn} is given out again`);
    const { sound, problems } = await db.verify();
    if (!sound) throw new Error(`not sound: ${JSON.stringify(problems)}`);
    await db.close();
    // A second repair has nothing to do.
    const again = await repair(directory, {
      ...simulatedPorts({ disk: ports.disk, seed: 4 }),
      segmentBytes,
    });
    expect([again.sound, again.lost]).toEqual([true, []]);
    if (damaged.openFiles > 0) throw new Error(`${damaged.openFiles} files are still open`);
    return report;
  } catch (cause) {
    throw new Error(`${what}: ${(cause as Error).message}`, { cause });
  }
}

function segmentsOf({ image }: Sample): [string, Buffer][] {
  return [...image].filter(([path]) => path.endsWith(".log")).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Where frames lie: the last byte that is not zero. */
function usedBytes(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

describe("a repair", () => {
  it("of a sound database does nothing", async () => {
    for (const sample of samples) {
      const report = await judge(sample, sample.disk.clone(), "sound");
      expect(report).toMatchObject({ sound: true, lost: [] });
    }
  });

  it("keeps all but what a changed byte takes, and says what that is", {
    timeout: timeoutMs,
  }, async () => {
    let lossy = 0;
    let partial = 0;
    for (const sample of samples) {
      for (const [path, bytes] of segmentsOf(sample)) {
        const stride = isFull ? 61 : Math.max(701, Math.floor(usedBytes(bytes) / 3.3));
        for (let at = 3; at < usedBytes(bytes); at += stride) {
          bytes[at]! ^= 0x41;
          const damaged = withFile(sample.disk, path, bytes);
          bytes[at]! ^= 0x41;
          const { lost } = await judge(sample, damaged, `${path} byte ${at}`);
          if (lost.length > 0) lossy++;
          const count = lost.reduce((sum, range) => sum + range.lastLsn - range.firstLsn + 1, 0);
          if (count > 0 && count < sample.lastLsn / 2) partial++;
        }
      }
    }
    expect(lossy).toBeGreaterThan(4);
    expect(partial).toBeGreaterThan(2);
  });

  it("keeps all but what a missing or a short segment held", { timeout: timeoutMs }, async () => {
    for (const sample of samples) {
      const segments = segmentsOf(sample);
      for (const [ordinal, [path, bytes]] of segments.entries()) {
        const { lost } = await judge(sample, withoutFile(sample.disk, path), `without ${path}`);
        expect(lost.length).toBeGreaterThan(0);
        if (ordinal > 0) expect(lost[0]!.firstLsn).toBeGreaterThan(1);
        for (const length of [0, usedBytes(bytes) - 9]) {
          const damaged = withFile(sample.disk, path, bytes.subarray(0, length));
          await judge(sample, damaged, `${path} cut to ${length}`);
        }
      }
    }
  });

  it("finds the segments again where both copies of the manifest are lost", async () => {
    for (const sample of samples) {
      const damaged = sample.disk.clone();
      for (const name of ["manifest.a", "manifest.b"]) damaged.removeFile(`${directory}/${name}`);
      expect((await judge(sample, damaged, "no manifest")).lost).toEqual([]);
      const torn = sample.disk.clone();
      for (const name of ["manifest.a", "manifest.b"])
        torn.writeFile(`${directory}/${name}`, new Uint8Array(50));
      expect((await judge(sample, torn, "manifests of zeros")).lost).toEqual([]);
    }
  });

  it("keeps what a damaged footer and a damaged header leave", async () => {
    for (const sample of samples) {
      const [path, bytes] = segmentsOf(sample)[0]!;
      for (const at of [20, bytes.length - 20]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1;
        const { lost } = await judge(sample, withFile(sample.disk, path, changed), `byte ${at}`);
        expect(lost).toEqual([]);
      }
    }
  });

  it("finds nothing where there is nothing", async () => {
    const { disk } = samples[0]!;
    const bare = disk.clone();
    for (const path of bare.listAll()) {
      if (/manifest|\.log/.test(path)) bare.removeFile(path);
    }
    const options = { ...simulatedPorts({ disk: bare, seed: 4 }), segmentBytes };
    await expect(repair(directory, options)).rejects.toMatchObject({ code: "CORRUPT" });
    await expect(repair("/nowhere", options)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(repair("/nowhere", { ...options, dryRun: true })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
