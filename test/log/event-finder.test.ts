// Single events and ranges of them, read back over segments, frames and groups that are not written yet, against a list.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RECORD } from "../../src/log/event-format.ts";
import type { EventReader } from "../../src/log/event-reader.ts";
import { commit, openLog, type TestLog } from "./support.ts";

/** What was written: for each LSN its record, of which an edge run has many. */
interface Listed {
  readonly tag: number;
  readonly recordLsn: number;
  readonly eventCount: number;
  readonly mark: number;
}

type Op =
  | { readonly kind: "node"; readonly bytes: number }
  | { readonly kind: "run"; readonly edges: number }
  | { readonly kind: "edge" }
  | { readonly kind: "state" };

const opArbitrary: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("node" as const),
      bytes: fc.constantFrom(0, 10, 200, 9000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("run" as const),
      edges: fc.constantFrom(1, 2, 100, 4096, 5000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("edge" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("state" as const) }) },
);

let nextMark = 1;

function write(test: TestLog, ops: readonly Op[], list: Listed[]): Promise<void> {
  return commit(test, (batch) => {
    for (const op of ops) {
      const recordLsn = batch.nextLsn;
      const mark = nextMark++;
      if (op.kind === "state") {
        batch.state("s", mark);
      } else if (op.kind === "node") {
        batch.nodePut(0, mark, `k${mark}`, [], { text: "x".repeat(op.bytes) });
        list.push({ tag: RECORD.nodePut, recordLsn, eventCount: 1, mark });
      } else if (op.kind === "edge") {
        batch.edgeAdd(0, 1, mark, mark, undefined);
        list.push({ tag: RECORD.edgeAdd, recordLsn, eventCount: 1, mark });
      } else {
        const column = new Uint32Array(op.edges).fill(mark);
        batch.edgeRun(0, 1, column, column);
        for (let i = 0; i < op.edges; i++) {
          const first = Math.floor(i / 4096) * 4096;
          const eventCount = Math.min(4096, op.edges - first);
          list.push({ tag: RECORD.edgeRun, recordLsn: recordLsn + first, eventCount, mark });
        }
      }
    }
  });
}

function markOf(reader: EventReader): number {
  if (reader.tag === RECORD.nodePut) return reader.id;
  if (reader.tag === RECORD.edgeAdd) return reader.from;
  return new DataView(reader.bytes.buffer, reader.bytes.byteOffset).getUint32(reader.runFrom, true);
}

function expectFound(test: TestLog, list: readonly Listed[], lsn: number): void {
  const reader = test.log.events.find(lsn);
  const expected = list[lsn - 1];
  if (expected === undefined) {
    expect(reader).toBeUndefined();
    return;
  }
  const { tag, recordLsn, eventCount, mark } = expected;
  expect([reader?.tag, reader?.lsn, reader?.eventCount]).toEqual([tag, recordLsn, eventCount]);
  expect(markOf(reader!)).toBe(mark);
}

function expectScanned(test: TestLog, list: readonly Listed[], from: number, to: number): void {
  const scan = test.log.events.scan(from, to);
  let next = Math.max(from, 1);
  const last = Math.min(to, list.length);
  for (let reader = scan.next(); reader !== undefined; reader = scan.next()) {
    expect(reader.lsn).toBe(list[next - 1]!.recordLsn);
    expect(markOf(reader)).toBe(list[next - 1]!.mark);
    next = reader.lsn + reader.eventCount;
  }
  expect(next).toBeGreaterThan(last);
  expect(next === last + 1 || list[last - 1]!.tag === RECORD.edgeRun || last < from).toBe(true);
}

describe("find and scan", () => {
  it("agree with a list of what was written: written, synced, queued, reopened", {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(opArbitrary, { minLength: 1, maxLength: 6 }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
        async (transactions, places) => {
          const test = await openLog();
          const list: Listed[] = [];
          const waiting: Promise<void>[] = [];
          const check = (of: TestLog): void => {
            for (const place of places) expectFound(of, list, place % (list.length + 2));
            for (let i = 0; i + 1 < places.length; i += 2) {
              const from = places[i]! % (list.length + 2);
              expectScanned(of, list, from, from + (places[i + 1]! % 300));
            }
            expectScanned(of, list, 1, list.length);
          };
          for (const [i, ops] of transactions.entries()) {
            waiting.push(write(test, ops, list));
            // Some are queued in one group, unwritten, while they are looked for.
            if (i % 3 === 2) check(test);
            if (i % 4 === 3) await Promise.all(waiting);
          }
          check(test);
          await Promise.all(waiting);
          check(test);
          await test.log.close();
          const again = await openLog({}, test.ports);
          check(again);
          await again.log.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("find nothing outside the accepted log", async () => {
    const test = await openLog();
    await write(test, [{ kind: "edge" }], []);
    for (const lsn of [0, -1, 2, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(test.log.events.find(lsn)).toBeUndefined();
    }
    expect(test.log.events.scan(2, 9).next()).toBeUndefined();
    await test.log.close();
  });
});

describe("the cache of frames and the handles of sealed segments", () => {
  it("are bounded, whatever is read", async () => {
    const test = await openLog({ frameCacheBytes: 100_000 });
    const list: Listed[] = [];
    for (let i = 0; i < 140; i++)
      await write(test, Array(4).fill({ kind: "node", bytes: 9000 }), list);
    const { segments } = test.log.stats();
    expect(segments).toBeGreaterThan(40);
    const idle = test.ports.disk.openFiles;
    let most = 0;
    for (let i = 0; i < 2000; i++) {
      expectFound(test, list, 1 + ((i * 37) % list.length));
      most = Math.max(most, test.ports.disk.openFiles);
    }
    expect(most - idle).toBeLessThanOrEqual(32);
    // A frame that is cached is not read again; one that had to go is.
    const before = test.log.stats();
    for (let i = 0; i < 50; i++) expectFound(test, list, 1);
    const warm = test.log.stats();
    expect(warm.frameHits - before.frameHits).toBeGreaterThanOrEqual(49);
    for (let lsn = 1; lsn <= 80; lsn += 1) expectFound(test, list, lsn);
    const missed = test.log.stats().frameMisses;
    expectFound(test, list, 1);
    expect(test.log.stats().frameMisses).toBe(missed + 1);
    await test.log.close();
    expect(test.ports.disk.openFiles).toBe(0);
  });

  it("damage behind their back is an error that says where", async () => {
    const test = await openLog({ frameCacheBytes: 0 });
    const list: Listed[] = [];
    for (let i = 0; i < 20; i++)
      await write(test, Array(2).fill({ kind: "node", bytes: 9000 }), list);
    const [path] = test.ports.disk.listAll().filter((path) => path.endsWith(".log"));
    const bytes = test.ports.disk.readFile(path!);
    bytes[4096 + 3000]! ^= 1;
    test.ports.disk.writeFile(path!, bytes);
    expect(() => test.log.events.find(1)).toThrow(
      expect.objectContaining({
        code: "CORRUPT",
        details: expect.objectContaining({ file: path!.slice(4) }),
      }),
    );
    await test.log.close();
  });
});
