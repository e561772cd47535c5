// Checkpoints from saving to recovery: what is replayed, which one counts, and every crash on the way.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import type { Checkpoint } from "../../src/index/checkpoint.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/index/checkpoint-codec.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import type { RecoveryBase } from "../../src/recovery/recovery-base.ts";
import { replayOpenLog } from "../../src/recovery/replay-open-log.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { dropAll, keepAll, type SimulatedDisk } from "../../src/testing/testing.ts";
import { commit, openLog, type TestLog } from "../log/support.ts";
import { sampleCheckpoint } from "../support/sample-checkpoint.ts";

const databaseId = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** Counts events: what a checkpoint covers, then what is replayed behind it. */
class Model implements RecoveryBase {
  lsn = 0;
  loaded = 0;
  /** Numbers of checkpoints whose trees are damaged: found by loading, or by the replay. */
  broken: readonly number[] = [];
  treacherous: readonly number[] = [];
  begin(): void {}
  async load({ lsn, number }: Checkpoint): Promise<void> {
    await Promise.resolve();
    if (this.broken.includes(number)) throw treeDamage();
    this.lsn = lsn;
    this.loaded = number;
  }
  async clear(): Promise<void> {
    await Promise.resolve();
    this.lsn = 0;
    this.loaded = 0;
  }
}

function treeDamage(): VarveError {
  return new VarveError("CORRUPT", "no", {
    details: { file: "/db/0000000004-keys.tree", tree: true },
  });
}

async function opened(
  disk?: SimulatedDisk,
  broken: readonly number[] = [],
  treacherous: readonly number[] = [],
): Promise<{ test: TestLog; model: Model }> {
  const model = Object.assign(new Model(), { broken, treacherous });
  const sink = {
    apply: (_: Uint8Array, from: number, to: number, firstLsn: number) => {
      expect(to).toBeGreaterThan(from);
      if (treacherous.includes(model.loaded)) throw treeDamage();
      const next = test0.count(firstLsn, _, from, to);
      if (next > firstLsn) {
        expect(firstLsn).toBe(model.lsn + 1);
        model.lsn = next - 1;
      }
      return next;
    },
  };
  const ports = disk === undefined ? undefined : simulatedPorts({ disk, tasks: "automatic" });
  const test = await openLog(
    { sink, base: model },
    ports ?? simulatedPorts({ tasks: "automatic" }),
  );
  return { test, model };
}

const { EventReader } = await import("../../src/log/event-reader.ts");
const test0 = {
  reader: new EventReader(),
  count(firstLsn: number, bytes: Uint8Array, from: number, to: number): number {
    this.reader.open(bytes, from, to, firstLsn);
    while (this.reader.next());
    return this.reader.nextLsn;
  },
};

async function put(test: TestLog, count = 1): Promise<void> {
  for (let i = 0; i < count; i++) {
    await commit(test, (batch) =>
      batch.nodePut(0, test.log.nextLsn, `k${test.log.nextLsn}`, [], { x: "y".repeat(900) }),
    );
  }
}

async function save({ log, ports }: TestLog, number: number): Promise<void> {
  log.endFrame();
  const lsn = log.acceptedLsn;
  const position = log.positionAfter(lsn);
  expect(position.lastLsn).toBe(lsn);
  const { manifest } = await readManifest(ports.disk, "/db", false);
  const checkpoint = {
    ...sampleCheckpoint,
    number,
    lsn,
    position,
    runs: [],
    segments: log.allocation(),
  };
  await log.saveCheckpoint(encodeCheckpoint(manifest!.databaseId, checkpoint), number, position);
}

describe("the bytes of a checkpoint", () => {
  it("are read as written, and not with any byte changed or missing", () => {
    const bytes = encodeCheckpoint(databaseId, sampleCheckpoint);
    expect(decodeCheckpoint(bytes, databaseId, "c")).toEqual(sampleCheckpoint);
    expect(decodeCheckpoint(bytes, new Uint8Array(16), "c")).toBeUndefined();
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 0x10;
      expect(decodeCheckpoint(bytes, databaseId, "c")).toBeUndefined();
      bytes[at]! ^= 0x10;
      expect(decodeCheckpoint(bytes.subarray(0, at), databaseId, "c")).toBeUndefined();
    }
  });
});

describe("a recovery", () => {
  it("begins behind the newest checkpoint, over rolls too, else the older one, else reads all", async () => {
    const { test } = await opened();
    const { disk } = test.ports;
    await put(test, 90);
    await save(test, 1);
    await put(test, 70);
    await save(test, 2);
    await put(test, 5);
    expect(test.log.segments().length).toBeGreaterThan(2);
    let read = 0;
    await replayOpenLog(disk, "/db", test.log, {
      apply: (b, f, t, l) => {
        read = test0.count(l, b, f, t) - 1;
        return read + 1;
      },
    });
    expect(read).toBe(165);
    await test.log.close();
    const lost = ["checkpoint-0000000002", "checkpoint-0000000001"];
    const cases = [
      [0, 160, 2, 5],
      [1, 90, 1, 75],
      [2, 0, 0, 165],
    ] as const;
    for (const [count, checkpointLsn, loaded, replayedEvents] of cases) {
      const copy = disk.clone();
      for (const name of lost.slice(0, count)) copy.removeFile(`/db/${name}`);
      const again = await opened(copy);
      expect([again.model.lsn, again.model.loaded]).toEqual([165, loaded]);
      const rebuilt = lost.slice(0, count);
      expect(again.test.report).toMatchObject({
        checkpointLsn,
        replayedEvents,
        rebuilt,
        clean: true,
      });
      await put(again.test, 3);
      await again.test.log.close();
      const last = await opened(copy);
      expect([last.model.lsn, last.test.report.rebuilt]).toEqual([168, []]);
      await last.test.log.close();
    }
  });

  it("takes the older one where the trees of the newest are damaged, and removes what nothing names", async () => {
    const { test } = await opened();
    await put(test, 5);
    await save(test, 1);
    await put(test, 5);
    await save(test, 2);
    await put(test, 5);
    await test.log.close();
    for (const [broken, treacherous] of [
      [[2], []],
      [[], [2]],
    ] as const) {
      const disk = test.ports.disk.clone();
      disk.writeFile("/db/0000000004-keys.tree", new Uint8Array(9));
      const again = await opened(disk, broken, treacherous);
      expect([again.model.lsn, again.model.loaded]).toEqual([15, 1]);
      const rebuilt = ["0000000004-keys.tree", "checkpoint-0000000002"];
      expect(again.test.report).toMatchObject({ checkpointLsn: 5, replayedEvents: 10, rebuilt });
      expect(again.test.log.checkpoints.map(({ number }) => number)).toEqual([1]);
      const left = disk.listAll().filter((path) => /tree|checkpoint/.test(path));
      expect(left).toEqual(["/db/checkpoint-0000000001"]);
      await again.test.log.close();
    }
  });

  it("keeps only the checkpoint it began with: the trees of an older one would be nobody's once that is dropped", async () => {
    const { test } = await opened();
    await put(test, 5);
    await save(test, 1);
    await put(test, 5);
    await save(test, 2);
    expect(test.log.checkpoints.map(({ number }) => number)).toEqual([2, 1]);
    const disk = test.ports.disk.powerCut(keepAll);
    await test.log.close();
    const again = await opened(disk);
    expect(again.test.log.checkpoints.map(({ number }) => number)).toEqual([2]);
    const left = disk.listAll().filter((path) => path.includes("checkpoint"));
    expect(left).toEqual(["/db/checkpoint-0000000002"]);
    await again.test.log.close();
  });

  it("refuses a log that ends before what a checkpoint knew, whether its file is there or not", async () => {
    const { test } = await opened();
    await put(test, 9);
    await save(test, 1);
    const end = test.log.positionAfter(9).offset;
    await test.log.close();
    for (const without of [[], ["checkpoint-0000000001"]]) {
      const copy = test.ports.disk.clone();
      for (const name of [...without, "watermark"]) copy.removeFile(`/db/${name}`);
      const path = "/db/0000000000000001-0001.log";
      copy.writeFile(
        path,
        copy
          .readFile(path)
          .slice(0)
          .fill(0, end - 1000),
      );
      await expect(opened(copy)).rejects.toMatchObject({ code: "CORRUPT" });
    }
  });
});

describe("a crash at any call", () => {
  it("of saving, dropping and recovering loses nothing", async () => {
    const { test } = await opened();
    const { disk } = test.ports;
    await put(test, 60);
    await save(test, 1);
    await put(test, 10);
    const states: SimulatedDisk[] = [];
    disk.onCall = () => states.push(disk.clone());
    await save(test, 2);
    await test.log.dropOldCheckpoints();
    disk.onCall = undefined;
    expect(states.length).toBeGreaterThan(20);
    for (const [turn, state] of states.entries()) {
      for (const loss of [dropAll, keepAll]) {
        const after = state.powerCut(loss);
        const seconds: SimulatedDisk[] = [];
        after.onCall = () => seconds.push(after.clone());
        const again = await opened(after);
        after.onCall = undefined;
        expect(again.model.lsn).toBe(70);
        expect(again.model.loaded).toBeGreaterThan(0);
        await again.test.log.close();
        const second = seconds[(turn * 7) % seconds.length]!.powerCut(dropAll);
        const last = await opened(second);
        expect(last.model.lsn).toBe(70);
        const named = last.test.log.checkpoints.map(
          ({ number }) => `/db/checkpoint-000000000${number}`,
        );
        expect(
          second
            .listAll()
            .filter((path) => path.includes("checkpoint"))
            .sort(),
        ).toEqual(named.sort());
        await last.test.log.close();
      }
    }
  });
});
