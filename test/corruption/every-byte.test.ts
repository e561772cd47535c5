// Changes every byte of a small, cleanly closed database: each must give the same answers or an error that names the file.
import { beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type Outcome, outcomeAndImageOf, outcomeOf } from "./outcome.ts";
import { cleanSpecimen, digestOf, imageOf, openOn, withFile } from "./specimen.ts";

const masks = [0x01, 0x80, 0xff] as const;
/** With a budget for crash tests every byte meets every mask; without, one of them. */
const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = 900_000;

let disk: SimulatedDisk;
let image: Map<string, Buffer>;
let digest: string;

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  image = imageOf(disk);
  const { db } = await openOn(disk.clone());
  digest = await digestOf(db);
  await db.close();
});

/** Without a budget the last segment, which costs most and is long text for the most part, is changed at every so many bytes. */
const lastSegmentStride = isFull ? 1 : 29;

/** The offsets at which a file is changed: all of them, but only some of a long run of zeros. */
function* offsetsOf(path: string, bytes: Buffer): Generator<number> {
  const every = path.endsWith("0063-0001.log") ? lastSegmentStride : 1;
  // The header page of a segment is under its checksum, zeros and all.
  const pageBytes = path.endsWith(".log") ? 4096 : 0;
  const stride = 509;
  let zeros = 0;
  for (let at = 0; at < bytes.length; at++) {
    zeros = bytes[at] === 0 ? zeros + 1 : 0;
    if (at % every !== 0) continue;
    if (zeros < 32 || at < pageBytes || zeros % stride === 0 || at === bytes.length - 1) yield at;
  }
}

interface Tally {
  same: number;
  refused: number;
  readonly rebuilt: Set<string>;
  readonly codes: Set<string>;
}

async function flipEvery(name: RegExp): Promise<Tally> {
  const tally: Tally = { same: 0, refused: 0, rebuilt: new Set(), codes: new Set() };
  for (const [path, bytes] of image) {
    if (!name.test(path)) continue;
    for (const at of offsetsOf(path, bytes)) {
      for (const mask of isFull ? masks : [masks[at % 3]!]) {
        bytes[at]! ^= mask;
        const damaged = withFile(disk, path, bytes);
        bytes[at]! ^= mask;
        const what = `${path} byte ${at} xor ${mask}`;
        const judge = at % 97 === 0 ? outcomeAndImageOf : outcomeOf;
        count(tally, await judge(damaged, digest, what), path, what);
      }
    }
  }
  return tally;
}

function count(tally: Tally, outcome: Outcome, path: string, what: string): void {
  if (outcome.kind === "same") {
    tally.same++;
    for (const file of outcome.recovery.rebuilt) tally.rebuilt.add(file);
    return;
  }
  tally.refused++;
  tally.codes.add(outcome.code);
  // The chain and the manifest may be what tells: the file that is named need not be the one that was changed.
  if (!path.endsWith(outcome.file)) throw new Error(`${what}: blamed on ${outcome.file}`);
}

describe("one changed byte", () => {
  it("finds a database that is worth changing", () => {
    const bytes = [...image.values()].flatMap((file) => [...file]).filter((byte) => byte !== 0);
    expect(bytes.length).toBeGreaterThan(10_000);
    expect(bytes.length).toBeLessThan(70_000);
    expect([...image.keys()].filter((path) => path.endsWith(".log"))).toHaveLength(3);
  });

  it("anywhere in a sealed segment is refused", { timeout: timeoutMs }, async () => {
    const tally = await flipEvery(/0001-0001\.log|0031-0001\.log/);
    expect(tally.refused).toBeGreaterThan(8000);
    expect([...tally.codes]).toEqual(["CORRUPT"]);
    expect(tally.same).toBe(0);
  });

  it("in the header or a frame of the last segment is refused, behind it set aside", {
    timeout: timeoutMs,
  }, async () => {
    const tally = await flipEvery(/0063-0001\.log/);
    expect(tally.refused).toBeGreaterThan(30_000 / lastSegmentStride);
    expect([...tally.codes]).toEqual(["CORRUPT"]);
    expect(tally.same).toBeGreaterThan(50 / lastSegmentStride);
  });

  it("in a file that is derived, or one copy of the manifest, changes no answer and is told", {
    timeout: timeoutMs,
  }, async () => {
    for (const name of ["allocation", "watermark", "manifest.a", "manifest.b"]) {
      const tally = await flipEvery(new RegExp(`/${name}$`));
      expect(tally.same).toBeGreaterThan(100);
      expect(tally.refused).toBe(0);
      expect([...tally.rebuilt]).toEqual([name]);
    }
  });

  it("in the reserve, whose bytes mean nothing, changes no answer", {
    timeout: timeoutMs,
  }, async () => {
    const tally = await flipEvery(/reserve$/);
    expect(tally.same).toBeGreaterThan(100);
    expect(tally.refused).toBe(0);
  });
});
