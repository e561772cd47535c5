// Feeds every decoder content with right checksums and wrong meaning: a value or a typed error, soon, and in little memory.
import { beforeAll, describe, expect, it } from "vitest";
import { MalformedBytes, putU32, putVarint } from "../../src/codec/bytes.ts";
import { VarveError } from "../../src/codec/errors.ts";
import { replaySink } from "../../src/database/replay-sink.ts";
import { SystemState } from "../../src/database/system-values.ts";
import { GraphIndex } from "../../src/index/graph-index.ts";
import { ALLOCATION, decodeAllocation } from "../../src/log/allocation-table.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { sealBlock } from "../../src/log/fields.ts";
import { FRAME_FLAG } from "../../src/log/frame-format.ts";
import { decodeManifest, MANIFEST } from "../../src/log/manifest-codec.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "../../src/log/segment-codec.ts";
import { decodeWatermark } from "../../src/log/watermark.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";
import { type TakenApart, takeApart, withLastFrame } from "./crafted.ts";
import { cleanSpecimen, digestOf, imageOf, openOn, sameImage } from "./specimen.ts";

const path = "/db/0000000000000001-0001.log";
const rounds = process.env["VARVE_CRASH_SECONDS"] === undefined ? 1 : 20;
const hostileNumbers = [0, 1, 2, 127, 128, 2 ** 16, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];

/** Every kind of record, each transaction in a frame of its own. */
async function everyKind(): Promise<TakenApart> {
  const { db, ports } = await openOn(simulatedPorts({ seed: 3 }).disk);
  await db.transact((tx) => {
    const ids = tx.putNodes(["a", "b", "c"], { labels: ["L"], props: [{ n: 1 }, {}, { t: "x" }] });
    tx.addEdges({ type: "RUN", from: ids, to: ids });
    tx.addEdge("a", "E", "b", { w: [1, { deep: [2] }] });
  });
  await db.transact((tx) => {
    tx.putNode("d", { labels: ["L", "M"], props: { big: 5n, bytes: new Uint8Array(3) } });
    tx.addEdge("d", "E", "a", { when: new Date(1) });
    tx.patchNode("a", { props: { n: 2 }, addLabels: ["M"], removeLabels: ["L"] });
    tx.patchEdge(7, { w: 2 });
    tx.removeEdge(4);
    tx.removeNode("c");
    tx.emit("event", { value: [1, 2, 3] });
  });
  await db.close();
  return takeApart(ports.disk.clone(), path);
}

let apart: TakenApart;

beforeAll(async () => {
  apart = await everyKind();
});

/** A payload changed in one place, in the ways that hurt decoders most. */
function mutated(payload: Uint8Array, random: SimulatedRandom): Uint8Array {
  const bytes = payload.slice();
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      bytes[at] = random.below(256);
      return bytes;
    case 1:
      bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 64, 65, 66, 5, 8][random.below(10)]!;
      return bytes;
    case 2: {
      const number = new Uint8Array(8);
      const end = putVarint(number, 0, hostileNumbers[random.below(hostileNumbers.length)]!);
      return Buffer.concat([
        bytes.subarray(0, at),
        number.subarray(0, end),
        bytes.subarray(at + 1),
      ]);
    }
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
    default:
      bytes.set(random.bytes(Math.min(4, bytes.length - at)), at);
      return bytes;
  }
}

function isTyped(error: unknown): boolean {
  return (
    error instanceof MalformedBytes ||
    (error instanceof VarveError &&
      (error.code === "CORRUPT" || error.code === "FORMAT_UNSUPPORTED"))
  );
}

/** Why a database is refused; undefined where it opens. */
async function refusalOf(disk: SimulatedDisk): Promise<unknown> {
  try {
    const { db } = await openOn(disk);
    await db.close();
    return undefined;
  } catch (error) {
    return error;
  }
}

function memoryBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const smallIndex = { keyCacheSlots: 64, keyStringSlots: 64, chunkBytes: 4096 };

describe("a payload with a right checksum", () => {
  it("is applied or refused with a typed error, whatever is in it", { timeout: 600_000 }, () => {
    const random = new SimulatedRandom(11);
    const seen = { applied: 0, refused: 0 };
    const before = memoryBytes();
    let largest = 0;
    for (let i = 0; i < 20_000 * rounds; i++) {
      const frame = apart.frames.at(-1)!;
      const payload = mutated(frame.payload, random);
      const sink = replaySink(new GraphIndex(new NameTable(), smallIndex), new SystemState());
      const [first] = apart.frames;
      sink.apply(first!.payload, 0, first!.payload.length, 1, 0);
      try {
        sink.apply(payload, 0, payload.length, frame.firstLsn, 0);
        seen.applied++;
      } catch (error) {
        if (!isTyped(error))
          throw new Error(`payload ${Buffer.from(payload).toString("hex")}`, { cause: error });
        seen.refused++;
      }
      if (i % 500 === 0) largest = Math.max(largest, memoryBytes() - before);
    }
    expect(seen.applied).toBeGreaterThan(500 * rounds);
    expect(seen.refused).toBeGreaterThan(2000 * rounds);
    expect(largest).toBeLessThan(400 * 2 ** 20);
  });

  it("cannot take much memory by one high id, nor name an id that is none", () => {
    const batchOf = (write: (batch: EventBatch) => void): Uint8Array => {
      const batch = new EventBatch(new NameTable());
      batch.begin(100);
      write(batch);
      batch.commit();
      return batch.records.view(0, batch.records.position).slice();
    };
    const apply = (payload: Uint8Array): void => {
      const sink = replaySink(new GraphIndex(new NameTable(), smallIndex), new SystemState());
      sink.apply(payload, 0, payload.length, 100, 0);
    };
    const before = memoryBytes();
    apply(batchOf((batch) => batch.nodePut(0, 2 ** 32 - 2, "high", [], undefined)));
    expect(memoryBytes() - before).toBeLessThan(64 * 2 ** 20);
    const ends = { id: 5, type: 1, from: 1, to: 1 };
    for (const write of [
      (batch: EventBatch) => batch.nodePut(0, 2 ** 32 - 1, "none", [], undefined),
      (batch: EventBatch) => batch.nodePut(0, 0, "none", [], undefined),
      (batch: EventBatch) => batch.nodePatch(0, 2 ** 40, 7, [], [], undefined, undefined),
      (batch: EventBatch) => batch.nodeRemove(0, 2 ** 53 - 1, "none", []),
      (batch: EventBatch) => batch.edgeAdd(0, 1, 2 ** 32, 1, undefined),
      (batch: EventBatch) => batch.edgeAdd(0, 1, 1, 2 ** 32 - 1, undefined),
      (batch: EventBatch) => batch.edgeAdd(0, 2 ** 32, 1, 1, undefined),
      (batch: EventBatch) => batch.edgeRun(0, 2 ** 33, Uint32Array.of(1), Uint32Array.of(1)),
      (batch: EventBatch) => batch.edgePatch(0, { ...ends, to: 2 ** 32 }, 7, undefined, undefined),
      (batch: EventBatch) => batch.edgePatch(0, { ...ends, id: 100 }, 7, undefined, undefined),
      (batch: EventBatch) => batch.edgeRemove(0, { ...ends, id: 0 }),
    ]) {
      expect(() => apply(batchOf(write)), String(write)).toThrow(MalformedBytes);
    }
  });

  it("opens or is refused by name; every read of what opened is a value or a typed error", {
    timeout: 600_000,
  }, async () => {
    const random = new SimulatedRandom(12);
    const seen = { opened: 0, refused: 0 };
    for (let i = 0; i < 600 * rounds; i++) {
      const payload = mutated(apart.frames.at(-1)!.payload, random);
      const hex = Buffer.from(payload).toString("hex");
      const startMs = performance.now();
      try {
        const { db } = await openOn(withLastFrame(apart, { payload }));
        seen.opened++;
        await digestOf(db).catch((error: unknown) => {
          if (!isTyped(error)) throw error;
        });
        await db.verify();
        await db.close();
      } catch (error) {
        if (!(error instanceof VarveError) || !isTyped(error))
          throw new Error(hex, { cause: error });
        expect(error.details).toMatchObject({ file: path.slice(4) });
        seen.refused++;
      }
      if (performance.now() - startMs > 2000) throw new Error(`too slow: ${hex}`);
    }
    expect(seen.opened).toBeGreaterThan(20 * rounds);
    expect(seen.refused).toBeGreaterThan(100 * rounds);
  });

  it("is refused where the frame counts other events than it holds, or claims part of a transaction", async () => {
    const { payload, eventCount } = apart.frames.at(-1)!;
    for (const crafted of [
      { payload, eventCount: eventCount + 1 },
      { payload, eventCount: eventCount - 1 },
      { payload, flags: FRAME_FLAG.continues },
    ]) {
      expect(await refusalOf(withLastFrame(apart, crafted))).toMatchObject({
        code: "CORRUPT",
        details: { file: path.slice(4), fault: "malformed" },
      });
    }
    const { db } = await openOn(withLastFrame(apart, { payload }));
    expect(db.recovery.clean).toBe(true);
    await db.close();
  });

  it("is refused where its frame goes on from another frame than the one before it", async () => {
    const { payload, previousHash } = apart.frames.at(-1)!;
    for (const other of [0, 1, previousHash ^ 1]) {
      const disk = withLastFrame(apart, { payload, previousHash: other >>> 0 });
      expect(await refusalOf(disk)).toMatchObject({
        code: "CORRUPT",
        details: { fault: "misplaced" },
      });
    }
  });

  it("is refused as of a later version where the frame says so: compressed, new flags, new version", async () => {
    const { payload } = apart.frames.at(-1)!;
    for (const crafted of [
      { payload, flags: FRAME_FLAG.compressed },
      { payload, flags: 0x8000 },
      { payload, version: 3 },
    ]) {
      const disk = withLastFrame(apart, crafted);
      // Above the watermark it must not pass for a torn tail either.
      const unmarked = disk.clone();
      unmarked.removeFile("/db/watermark");
      for (const newer of [disk, unmarked]) {
        const before = imageOf(newer);
        expect(await refusalOf(newer)).toMatchObject({ code: "FORMAT_UNSUPPORTED" });
        expect(sameImage(imageOf(newer), before)).toBe(true);
      }
    }
  });
});

describe("blocks with right checksums", () => {
  it("decode to a value or to nothing, and lengths are no bombs", async () => {
    const disk = await cleanSpecimen(1);
    const image = imageOf(disk);
    const random = new SimulatedRandom(13);
    const manifest = image.get("/db/manifest.a")!;
    const databaseId = Buffer.from(manifest.subarray(MANIFEST.body, MANIFEST.body + 16));
    const sealed = image.get("/db/0000000000000001-0001.log")!;
    const footer = sealed.subarray(sealed.lastIndexOf("VARVEEND") - 8);
    const decoders: [Buffer, (bytes: Uint8Array) => unknown][] = [
      [manifest, (bytes) => decodeManifest(bytes, "manifest.a", false)],
      [image.get("/db/allocation")!, (bytes) => decodeAllocation(bytes, databaseId)],
      [image.get("/db/watermark")!.subarray(0, 64), (bytes) => decodeWatermark(bytes, databaseId)],
      [footer, decodeSegmentFooter],
      [sealed.subarray(0, 4096), (bytes) => decodeSegmentHeader(bytes, "segment", false)],
    ];
    for (const [original, decode] of decoders) {
      expect(decode(original)).toBeDefined();
      for (let i = 0; i < 4000 * rounds; i++) {
        const bytes = Buffer.from(original);
        const at = 8 + random.below(Math.min(bytes.length, 512) - 11);
        if (i % 2 === 0) putU32(bytes, at, hostileNumbers[random.below(8)]!);
        else bytes[at] = random.below(256);
        sealBlock(bytes, 0, bytes.length);
        try {
          decode(bytes);
        } catch (error) {
          if (!isTyped(error)) throw new Error(bytes.toString("hex"), { cause: error });
        }
      }
    }
    const bomb = Buffer.from(image.get("/db/allocation")!);
    putU32(bomb, ALLOCATION.count, 0xffff_ffff);
    sealBlock(bomb, 0, bomb.length);
    expect(decodeAllocation(bomb, databaseId)).toBeUndefined();
  });
});
