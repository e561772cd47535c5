// Damages the log under a database that is open: whoever reads there is told, and places and checkpoints are refused that make no sense.
import { beforeEach, describe, expect, it } from "vitest";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { takeApart } from "../corruption/crafted.ts";
import { openOn } from "../corruption/specimen.ts";
import { commit, openLog, type TestLog } from "./support.ts";

let test: TestLog;
let first: string;

/** Nodes of a kilobyte, a frame each: more than one segment, and more than one entry of a segment's index. */
beforeEach(async () => {
  test = await openLog({ frameCacheBytes: 0 }, simulatedPorts({ tasks: "automatic" }));
  for (let i = 0; i < 100; i++) {
    await commit(test, (batch) => batch.nodePut(0, i + 1, `k${i}`, [], { x: "y".repeat(900) }));
  }
  first = test.ports.disk.listAll().find((path) => path.endsWith(".log"))!;
});

type Edit = (bytes: Uint8Array, at: number) => Uint8Array;

/** Changes the frame at an ordinal of the first segment. */
function damage(ordinal: number, edit: Edit): void {
  const { disk } = test.ports;
  const { at } = takeApart(disk, first).frames[ordinal]!;
  disk.writeFile(first, edit(disk.readFile(first).slice(), at));
}

const edits: [string, Edit][] = [
  ["hash", (bytes, at) => bytes.fill(bytes[at + 100]! ^ 1, at + 100, at + 101)],
  ["length", (bytes, at) => bytes.fill(0xff, at + 8, at + 16)],
  ["blank", (bytes, at) => bytes.fill(0, at, at + 64)],
  ["short", (bytes, at) => bytes.subarray(0, at + 8)],
];

describe.each(edits)("a frame that is damaged while the log is open: %s", (fault, edit) => {
  it("is told to whoever reads it, and to nobody who reads another one", () => {
    damage(20, edit);
    const lsn = 21;
    expect(() => test.log.frameAtOrAfter(lsn)).toThrow(
      expect.objectContaining({ code: "CORRUPT" }) as Error,
    );
    expect(test.log.frameAtOrAfter(90)?.firstLsn).toBe(90);
    if (fault === "hash") expect(test.log.frameAtOrAfter(22)?.firstLsn).toBe(22);
  });

  it("is no place for a checkpoint", () => {
    damage(20, edit);
    expect(() => test.log.positionAfter(21)).toThrow(
      expect.objectContaining({ code: "CORRUPT" }) as Error,
    );
    expect(test.log.positionAfter(100).lastLsn).toBe(100);
  });
});

describe("a frame whose length reaches over the end of its segment", () => {
  it("is damaged, whether it is read or a place behind it is asked for", () => {
    const { disk } = test.ports;
    const { frames } = takeApart(disk, first);
    const last = frames.at(-1)!;
    const bytes = disk.readFile(first).slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    // Both lengths say that the frame is 64 bytes longer.
    for (const at of [8, 12]) {
      view.setUint32(last.at + at, view.getUint32(last.at + at, true) + 64, true);
    }
    disk.writeFile(first, bytes);
    for (const ask of [
      () => test.log.frameAtOrAfter(last.firstLsn),
      () => test.log.positionAfter(last.firstLsn),
    ]) {
      expect(ask).toThrow(
        expect.objectContaining({
          code: "CORRUPT",
          details: expect.objectContaining({ fault: "length" }),
        }) as Error,
      );
    }
  });
});

describe("a segment that was passed over by its footer", () => {
  it("tells the places in it by reading from its beginning", async () => {
    const before = [5, 30, 50].map((lsn) => test.log.positionAfter(lsn));
    await test.log.close();
    const disk = test.ports.disk.clone();
    const again = await openLog({}, simulatedPorts({ disk, tasks: "automatic" }));
    for (const position of before) {
      const { index: _, ...found } = again.log.positionAfter(position.lastLsn);
      const { index: __, ...due } = position;
      expect(found).toEqual(due);
    }
    await again.log.close();
  });
});

describe("a checkpoint", () => {
  const one = new Uint8Array(10);

  it("is refused that is no newer than the last one, or larger than is ever read", async () => {
    const { log } = test;
    const position = log.positionAfter(100);
    await log.saveCheckpoint(one, 3, position);
    await expect(log.saveCheckpoint(one, 3, position)).rejects.toThrow(RangeError);
    await expect(log.saveCheckpoint(one, 4, log.positionAfter(50))).rejects.toThrow(RangeError);
    const huge = new Uint8Array(64 * 2 ** 20 + 1);
    await expect(log.saveCheckpoint(huge, 4, position)).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    expect(log.checkpoints.map(({ number }) => number)).toEqual([3]);
    await log.close();
  });

  it("is refused of what is not durable", async () => {
    const { log } = test;
    const position = { ...log.positionAfter(100), lastLsn: 101 };
    await expect(log.saveCheckpoint(one, 1, position)).rejects.toThrow("not durable");
    await log.close();
  });

  it("takes the name of a file that an earlier one could not remove", async () => {
    const { log, ports } = test;
    const path = "/db/checkpoint-0000000001";
    ports.disk.writeFile(path, new Uint8Array(500));
    await log.saveCheckpoint(one, 1, log.positionAfter(100));
    expect(ports.disk.readFile(path).length).toBe(10);
    await log.close();
  });
});

describe("a feed", () => {
  it("is told of damage that came up behind it", async () => {
    const { db, ports } = await openOn(simulatedPorts({ seed: 4 }).disk);
    for (let i = 0; i < 4; i++) await db.transact((tx) => tx.putNode(`k${i}`));
    const path = ports.disk.listAll().find((each) => each.endsWith(".log"))!;
    const bytes = ports.disk.readFile(path).slice();
    bytes[segmentHeaderBytes + 60]! ^= 1;
    ports.disk.writeFile(path, bytes);
    const read = async (): Promise<void> => {
      for await (const _ of db.changes({ live: false }));
    };
    await expect(read()).rejects.toMatchObject({ code: "CORRUPT" });
    await db.close();
  });
});
