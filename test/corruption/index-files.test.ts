// Damages everything that is derived from the log: the trees, the checkpoint, the allocation table and a copy of the manifest,
// alone and two at a time. The same answers come back, and are told to have been made again.
import { beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";
import { VarveError } from "../../src/varve.ts";
import {
  digestOf,
  imageOf,
  indexedSpecimen,
  openIndexed,
  withFile,
  withoutFile,
} from "./specimen.ts";

/** With a budget for crash tests every byte is changed; without, some of them, others for another seed. */
const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const random = new SimulatedRandom(20);
const timeoutMs = 1_800_000;

let disk: SimulatedDisk;
let other: Map<string, Buffer>;
let image: Map<string, Buffer>;
let digest: string;

beforeAll(async () => {
  disk = await indexedSpecimen(1);
  image = imageOf(disk);
  other = imageOf(await indexedSpecimen(2));
  const { db } = await openIndexed(disk.clone());
  digest = await digestOf(db);
  await db.close();
});

function isTree(path: string): boolean {
  return path.endsWith(".tree");
}

/** What the log can do without: the trees, the checkpoint, and what recovery keeps beside it. */
function derived(): string[] {
  const names = /\.tree$|\/checkpoint-|\/allocation$|\/manifest\.[ab]$/;
  return [...image.keys()].filter((path) => names.test(path));
}

interface Told {
  /** Files that the opening made again. */
  readonly rebuilt: readonly string[];
  /** Whether a read had to wait for a rebuild. */
  readonly later: boolean;
}

/** Opens a damaged database and reads all of it; throws where it answers otherwise. */
async function toldOf(damaged: SimulatedDisk, what: string): Promise<Told> {
  const { db } = await openIndexed(damaged);
  const { rebuilt, warnings } = db.recovery;
  if (rebuilt.some((name) => /tree|checkpoint/.test(name))) {
    if (warnings.length === 0) throw new Error(`${what}: rebuilt without a warning`);
  }
  let later = false;
  let found = "";
  for (let attempt = 0; found === ""; attempt++) {
    try {
      found = await digestOf(db);
    } catch (error) {
      const isRebuilding = error instanceof VarveError && error.code === "INDEX_REBUILDING";
      if (!isRebuilding || !error.retryable || attempt > 1000)
        throw new Error(what, { cause: error });
      later = true;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  if (found !== digest) throw new Error(`${what}: other answers than before`);
  if (db.stats().index.rebuilds !== (later ? 1 : 0)) throw new Error(`${what}: rebuilds`);
  await db.close();
  // What was damaged is gone, whoever met it.
  const again = await openIndexed(damaged.clone());
  if (again.db.recovery.rebuilt.length > 0) throw new Error(`${what}: rebuilt once more`);
  if (later && (await digestOf(again.db)) !== digest) throw new Error(`${what}: not for good`);
  await again.db.close();
  return { rebuilt, later };
}

function changed(path: string, at: number, mask = 0xff): SimulatedDisk {
  const bytes = Buffer.from(image.get(path)!);
  bytes[at]! ^= mask;
  return withFile(disk, path, bytes);
}

/** A file in each of the ways in which files are lost. */
function* lossesOf(from: SimulatedDisk, path: string): Generator<[string, SimulatedDisk]> {
  const bytes = image.get(path)!;
  yield [`${path} removed`, withoutFile(from, path)];
  yield [`${path} emptied`, withFile(from, path, new Uint8Array(0))];
  yield [`${path} cut`, withFile(from, path, bytes.subarray(0, bytes.length >> 1))];
  yield [`${path} extended`, withFile(from, path, Buffer.concat([bytes, Buffer.alloc(512)]))];
  yield [`${path} zeroed`, withFile(from, path, new Uint8Array(bytes.length))];
  const swapped = image.get(path.replace(/-\w+\.tree$/, "-keys.tree")) ?? bytes;
  if (swapped !== bytes) yield [`${path} is another tree`, withFile(from, path, swapped)];
  const foreign = other.get(path);
  if (foreign !== undefined && !/manifest/.test(path)) {
    yield [`${path} of another database`, withFile(from, path, foreign)];
  }
}

describe("derived files", () => {
  it("are worth damaging: several runs of all trees, a checkpoint, several segments", async () => {
    const names = [...image.keys()].join();
    for (const tree of ["keys", "nodes", "out", "in", "edges", "labels"]) {
      expect(names).toMatch(new RegExp(`-${tree}\\.tree`));
    }
    expect(derived().filter(isTree).length).toBeGreaterThan(12);
    expect(names.match(/checkpoint-/g)).toHaveLength(1);
    expect(names.match(/\.log/g)!.length).toBeGreaterThan(2);
    const told = await toldOf(disk.clone(), "sound");
    expect(told).toEqual({ rebuilt: [], later: false });
    const { db } = await openIndexed(disk.clone());
    expect(db.recovery.replayedEvents).toBe(1);
    await db.close();
  });

  it("removed, emptied, cut, extended, zeroed or swapped: the same answers, and it is told", {
    timeout: timeoutMs,
  }, async () => {
    let cases = 0;
    for (const path of derived()) {
      for (const [what, damaged] of lossesOf(disk, path)) {
        const { rebuilt, later } = await toldOf(damaged, what);
        expect([what, later]).toEqual([what, false]);
        if (!what.endsWith("extended") || /tree|checkpoint/.test(what)) {
          expect([what, rebuilt]).toEqual([what, expect.arrayContaining([path.slice(4)])]);
        }
        cases++;
      }
    }
    expect(cases).toBeGreaterThan(100);
  });

  it("all at once, with one copy of the manifest: the same answers", async () => {
    const without = derived()
      .filter((path) => !path.endsWith("manifest.a"))
      .reduce((left, path) => withoutFile(left, path), disk);
    const { rebuilt } = await toldOf(without, "everything");
    expect(rebuilt).toEqual(expect.arrayContaining(["allocation", "manifest.b"]));
  });

  it("two at a time", { timeout: timeoutMs }, async () => {
    const paths = derived().filter((path) => !path.endsWith("manifest.a"));
    let cases = 0;
    for (const [i, first] of paths.entries()) {
      for (const second of paths.slice(i + 1)) {
        if (!isFull && random.below(5) > 0) continue;
        const losses = [...lossesOf(disk, first)];
        const [, once] = losses[random.below(losses.length)]!;
        const more = [...lossesOf(once, second)];
        const [what, twice] = more[random.below(more.length)]!;
        await toldOf(twice, `${first} and ${what}`);
        cases++;
      }
    }
    expect(cases).toBeGreaterThan(20);
  });

  it("with any byte of a tree changed: told at open, or the read that meets it is told to come again", {
    timeout: timeoutMs,
  }, async () => {
    const tally = { open: 0, later: 0, unmet: 0 };
    for (const path of derived().filter(isTree)) {
      const { length } = image.get(path)!;
      const step = isFull ? 1 : 90;
      for (
        let at = random.below(step);
        at < length;
        at += isFull ? 1 : 1 + random.below(2 * step)
      ) {
        const { rebuilt, later } = await toldOf(changed(path, at), `${path} byte ${at}`);
        if (later) tally.later++;
        else if (rebuilt.length > 0) tally.open++;
        else tally.unmet++;
      }
    }
    expect(tally.open).toBeGreaterThan(20);
    expect(tally.later).toBeGreaterThan(25);
  });

  it("with any byte of the checkpoint changed: told at open", { timeout: timeoutMs }, async () => {
    const path = derived().find((name) => name.includes("checkpoint-"))!;
    const { length } = image.get(path)!;
    for (let at = random.below(20); at < length; at += isFull ? 1 : 1 + random.below(40)) {
      const { rebuilt } = await toldOf(changed(path, at), `${path} byte ${at}`);
      expect(rebuilt).toEqual([path.slice(4)]);
    }
  });
});
