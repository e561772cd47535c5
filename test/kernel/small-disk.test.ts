// Fills a small disk of the kernel's own, a tmpfs, at random places. `npm run test:kernel` sets VARVE_FULL_DISKS to their number;
// `npm test` takes a few.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SimulatedRandom } from "../../src/testing/testing.ts";
import { type Database, open, VarveError } from "../../src/varve.ts";

const roundsDue = Number(process.env["VARVE_FULL_DISKS"] ?? 6);
const diskBytes = 4 * 2 ** 20;
const options = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };

const folder: string = mkdtempSync(join(tmpdir(), "varve-small-"));
const disk: string = join(folder, "disk");
const missing: string | undefined = mountSmall();
if (missing !== undefined)
  process.stdout.write(`skipped, a disk that is really full: ${missing}\n`);

/** Undefined where it is mounted; else why not. */
function mountSmall(): string | undefined {
  mkdirSync(disk);
  const size = `size=${diskBytes}`;
  const { error, status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", disk]);
  if (error !== undefined) return "mount is not there";
  return status === 0 ? undefined : String(stderr).trim();
}

afterAll(() => {
  if (missing === undefined) spawnSync("umount", ["-l", disk]);
  rmSync(folder, { recursive: true, force: true });
});

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

/** Leaves so much space, or less. */
function fillTo(bytes: number): void {
  const filler = Math.max(0, freeBytes() - bytes);
  writeFileSync(join(disk, "filler"), new Uint8Array(filler));
}

/** Commits numbered transactions until one is turned down; returns the number of the last that was not. */
async function fill(db: Database, from: number, random: SimulatedRandom): Promise<number> {
  for (let token = from; ; token++) {
    const text = "x".repeat(random.below(3) === 0 ? 20_000 : 300);
    try {
      await db.transact((tx) => {
        for (let part = 0; part < 3; part++) tx.putNode(`t${token}/${part}`, { props: { text } });
      });
    } catch (error) {
      expect(error).toBeInstanceOf(VarveError);
      expect((error as VarveError).code).toBe("DISK_FULL");
      return token - 1;
    }
  }
}

function checkTokens(db: Database, last: number): void {
  expect(db.nodeCount).toBe(3 * last);
  for (let token = 1; token <= last; token++) expect(db.hasNode(`t${token}/2`)).toBe(true);
  expect(db.hasNode(`t${last + 1}/0`)).toBe(false);
}

it("is tried where it can be, and else says why it is not", () => {
  expect(missing ?? "tried").not.toBe("");
});

const describeHere: (name: string, tests: () => void) => void =
  missing === undefined ? describe : () => {};

describeHere("a disk that is really full", () => {
  beforeAll(() => {
    expect(freeBytes()).toBeLessThanOrEqual(diskBytes);
  });

  it(`turns down what does not fit, loses nothing, and takes more once there is space (${roundsDue} places)`, {
    timeout: 120_000 + roundsDue * 20_000,
  }, async () => {
    const startedMs = performance.now();
    const random = new SimulatedRandom(7);
    let tokens = 0;
    for (let round = 0; round < roundsDue; round++) {
      const directory = join(disk, `db${round}`);
      let db = await open(directory, options);
      fillTo(random.below(400 * 1024));
      let last = await fill(db, 1, random);
      checkTokens(db, last);
      // Closing, and opening again, need no space either.
      if (round % 3 === 0) {
        await db.close();
        db = await open(directory, options);
        checkTokens(db, last);
      }
      rmSync(join(disk, "filler"));
      await db.transact((tx) => {
        for (let part = 0; part < 3; part++) tx.putNode(`t${last + 1}/${part}`);
      });
      last++;
      fillTo(random.below(200 * 1024));
      last = await fill(db, last + 1, random);
      checkTokens(db, last);
      expect((await db.verify()).sound).toBe(true);
      await db.close();
      const again = await open(directory, options);
      expect(again.recovery.clean).toBe(true);
      checkTokens(again, last);
      await again.close();
      tokens += last;
      rmSync(directory, { recursive: true });
      rmSync(join(disk, "filler"));
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`full disks: ${roundsDue} places, ${tokens} transactions, ${seconds} s\n`);
  });
});
