// The cache of frames against a plain list; and that what is in it is read without a look at the file.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameCache } from "../../src/log/frame-cache.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { open } from "../../src/varve.ts";

interface Frame {
  readonly bytes: Uint8Array;
  readonly firstLsn: number;
  readonly eventCount: number;
}

const bytesMax = 100;
/** LSNs to which one entry of the index leads. */
const stretch = 14;

/** The same, as slow as can be: the most recently used last. */
class Model {
  kept: { segment: object; frame: Frame }[] = [];

  find(segment: object, lsn: number): Frame | undefined {
    const at = this.kept.findIndex(
      (each) =>
        each.segment === segment &&
        each.frame.firstLsn <= lsn &&
        lsn < each.frame.firstLsn + each.frame.eventCount,
    );
    if (at < 0) return undefined;
    const [found] = this.kept.splice(at, 1);
    this.kept.push(found!);
    return found!.frame;
  }

  keep(segment: object, frame: Frame): void {
    this.kept.push({ segment, frame });
    const bytes = (): number => this.kept.reduce((sum, each) => sum + each.frame.bytes.length, 0);
    while (bytes() > bytesMax && this.kept.length > 1) this.kept.shift();
  }
}

describe("the cache of frames", () => {
  it("finds by every LSN what was used last, and gives up the rest", () => {
    const step = fc.record({
      segment: fc.nat(1),
      lsn: fc.nat(40),
      bytes: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.constant(120)),
      clear: fc.nat(40).map((n) => n === 0),
    });
    let [hits, misses] = [0, 0];
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 200 }), (steps) => {
        const cache = new FrameCache<Frame>(bytesMax);
        const model = new Model();
        const segments = [{}, {}];
        for (const { segment: ordinal, lsn, bytes, clear } of steps) {
          const segment = segments[ordinal]!;
          if (clear) {
            cache.clear();
            model.kept = [];
          }
          // Five frames of one event, one of two, and again.
          const firstLsn = lsn - (lsn % 7 === 6 ? 1 : 0);
          const eventCount = lsn % 7 >= 5 ? 2 : 1;
          const start = Math.floor(firstLsn / stretch) * 1000;
          const found = cache.find(segment, start, lsn);
          expect(found).toBe(model.find(segment, lsn));
          if (found !== undefined) {
            hits++;
            continue;
          }
          misses++;
          const frame: Frame = { bytes: new Uint8Array(bytes), firstLsn, eventCount };
          cache.keep(segment, start, frame);
          model.keep(segment, frame);
        }
      }),
      { numRuns: 50, seed: 11 },
    );
    expect(Math.min(hits, misses)).toBeGreaterThan(100);
  });

  it("serves reads of props without reading a file", async () => {
    const disk = new SimulatedDisk({ seed: 2, trace: "none" });
    const ports = simulatedPorts({ disk, tasks: "automatic" });
    let reads = 0;
    const openFile = disk.open.bind(disk);
    disk.open = async (path, mode) => {
      const file = await openFile(path, mode);
      const readSync = file.readSync.bind(file);
      file.readSync = (into, position) => {
        reads++;
        return readSync(into, position);
      };
      return file;
    };
    const db = await open("/db", { ...ports, segmentBytes: 64 * 1024 });
    await db.transact((tx) => tx.putNodes(["a", "b"]));
    for (let i = 0; i < 60; i++) {
      await db.transact((tx) => {
        for (let j = 0; j < 40; j++)
          tx.addEdge("a", "TO", "b", { n: i * 40 + j, text: "x".repeat(40) });
      });
    }
    await db.checkpoint();
    expect(db.stats().segments).toBeGreaterThan(1);
    const sumOf = (reverse: boolean): number =>
      [...db.edges("a", { reverse })].reduce((sum, { props }) => sum + (props["n"] as number), 0);
    expect(sumOf(false)).toBe((2400 * 2399) / 2);
    const before = reads;
    expect(before).toBeGreaterThan(60);
    expect(sumOf(true)).toBe((2400 * 2399) / 2);
    expect(reads).toBe(before);
    await db.close();
  });
});
