// Breaks repairs before and after every call of the disk: what is there is refused, or is what a whole repair makes; and the next repair makes
// that.
import { describe, expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import type { SimulatedDisk } from "../../src/testing/testing.ts";
import { simulatedPorts } from "../../src/testing/testing.ts";
import { type Database, VarveError } from "../../src/varve.ts";
import { cleanSpecimen, directory, openOn, segmentBytes } from "../corruption/specimen.ts";
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

async function lsnsOf(db: Database): Promise<string> {
  const found: string[] = [];
  for await (const { changes } of db.changes({ live: false })) {
    for (const { lsn, kind } of changes) found.push(`${lsn} ${kind}`);
  }
  const edges = [...db.allEdges()].map(({ id }) => id);
  return [...found, ...[...db.nodes()].map(({ key }) => key), ...edges].join();
}

function repaired(disk: SimulatedDisk): Promise<{ readonly lost: readonly object[] }> {
  return repair(directory, { ...simulatedPorts({ disk, seed: 4 }), segmentBytes });
}

async function contents(disk: SimulatedDisk): Promise<string> {
  const { db } = await openOn(disk);
  const lsns = await lsnsOf(db);
  await db.close();
  return lsns;
}

/** What a strict opening says of it, or undefined where it refuses. */
async function strictly(disk: SimulatedDisk): Promise<string | undefined> {
  try {
    return await contents(disk);
  } catch (error) {
    if (error instanceof VarveError && error.code === "CORRUPT") return undefined;
    throw error;
  }
}

/** Damages: a frame in the first segment, one in the last, a segment that is gone, no manifest. */
const damages: readonly [string, (disk: SimulatedDisk, segments: readonly string[]) => void][] = [
  ["a frame of the first segment", (disk, [first]) => flip(disk, first!, 4300)],
  ["a frame of the last segment", (disk, segments) => flip(disk, segments[2]!, 9000)],
  ["a segment that is gone", (disk, segments) => disk.removeFile(segments[1]!)],
  [
    "both copies of the manifest",
    (disk) => {
      for (const name of ["manifest.a", "manifest.b"]) disk.removeFile(`${directory}/${name}`);
    },
  ],
];

function flip(disk: SimulatedDisk, path: string, at: number): void {
  const bytes = disk.readFile(path).slice();
  bytes[at]! ^= 0x10;
  disk.writeFile(path, bytes);
}

function some(disk: SimulatedDisk, turn: number): Loss[] {
  const all = lossesAt(disk);
  return isThorough ? all : [turn % 2 === 0 ? all[turn % 3] : all[(turn * 7) % all.length]];
}

describe("a repair that is broken off", () => {
  it.each(damages)(
    "is finished by the next one: %s",
    { timeout: timeoutMs },
    async (_what, damage) => {
      const disk = await cleanSpecimen(1);
      damage(
        disk,
        disk
          .listAll()
          .filter((path) => path.endsWith(".log"))
          .sort(),
      );
      const whole = disk.clone();
      await repaired(whole);
      const due = await contents(whole);
      const points = await recordCalls(
        disk,
        () => undefined,
        async () => {
          await repaired(disk);
        },
      );
      const seen = new Set<string>();
      const stride = Math.ceil(points.length / 24);
      const outcomes = { refused: 0, opened: 0 };
      for (const [turn, point] of points.entries()) {
        if (!isThorough && turn % stride > 0) continue;
        for (const loss of some(point.disk, turn / stride)) {
          const { disk: found } = afterLoss(point.disk, loss);
          const key = contentOf(found);
          if (seen.has(key)) continue;
          seen.add(key);
          const label = `${point.label}; ${loss?.label ?? "kill"}`;
          const opened = await strictly(found.clone());
          if (opened !== undefined && opened !== due)
            throw new Error(`${label}: opens as something else`);
          outcomes[opened === undefined ? "refused" : "opened"]++;
          await repaired(found);
          if ((await contents(found)) !== due) throw new Error(`${label}: the next repair differs`);
          const { db } = await openOn(found);
          const { sound, problems } = await db.verify();
          if (!sound) throw new Error(`${label}: ${JSON.stringify(problems)}`);
          await db.close();
          const kept = found.listAll().some((path) => /quarantine\/salvage\.\d+$/.test(path));
          if (!kept) throw new Error(`${label}: no report was kept`);
        }
      }
      expect(outcomes.refused).toBeGreaterThan(1);
      expect(outcomes.opened).toBeGreaterThan(1);
    },
  );
});
