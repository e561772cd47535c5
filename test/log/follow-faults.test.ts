// A reader whose files cannot be opened, now and then or for good, and one that is far behind: it catches up, or says why it cannot.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { FaultRule } from "../../src/testing/faults.ts";
import { SimulatedDisk, type SimulatedPorts, simulatedPorts } from "../../src/testing/testing.ts";
import { segmentPaths } from "../recovery/rewritten.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { tinyTuning } from "../support/layered-script.ts";

const long = "y".repeat(9000);

interface Opened {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

async function opened(
  disk: SimulatedDisk,
  readOnly: boolean,
  activeEventsMax = 10_000,
): Promise<Opened> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 2 ** 20, readOnly };
  const tuning = { ...tinyTuning, activeEventsMax, frameCacheBytes: 1 };
  return { db: await openTuned("/db", options, tuning), ports };
}

async function both(): Promise<{ disk: SimulatedDisk; writer: Database; reader: Opened }> {
  const disk = new SimulatedDisk({ seed: 1, trace: "none" });
  const { db: writer } = await opened(disk, false);
  await writer.transact((tx) => tx.putNode("first", { props: { long } }));
  return { disk, writer, reader: await opened(disk, true) };
}

/** A MiB and a half, of which one transaction is larger than what is read at a time. */
async function writeMuch(db: Database): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await db.transact((tx) => {
      for (let j = 0; j < 32; j++) tx.putNode(`n${i}.${j}`, { props: { long } });
    });
  }
  await db.transact((tx) => tx.putNode("large", { props: { text: "x".repeat(400_000) } }));
}

describe("a reader that is far behind", () => {
  it("catches up in turns, frames larger than what it reads at a time as well", async () => {
    const { writer, reader } = await both();
    await writeMuch(writer);
    await reader.db.flush();
    expect(reader.db.lastLsn).toBe(writer.lastLsn);
    expect(reader.db.node("large")?.props).toEqual({ text: "x".repeat(400_000) });
    await reader.db.close();
    await writer.close();
  });

  it("and is closed meanwhile, stops in between", async () => {
    const { disk, writer, reader } = await both();
    await writeMuch(writer);
    const catchingUp = reader.db.flush().catch(() => {});
    await reader.db.close();
    await catchingUp;
    expect(reader.db.lastLsn).toBeLessThan(writer.lastLsn);
    await writer.close();
    expect(disk.openFiles).toBe(0);
  });
});

describe("a reader whose files cannot be opened", () => {
  const rules: [string, Pick<FaultRule, "path" | "occurrence">][] = [
    ["the manifest", { path: "manifest.b", occurrence: 3 }],
    ["the watermark", { path: "watermark" }],
    ["a segment", { path: ".log" }],
  ];

  it.each(rules)(
    "opens where it can in the end, or says what it could not: %s",
    async (_, site) => {
      const { disk, writer, reader } = await both();
      await reader.db.close();
      await writer.close();
      for (const times of [1, "forever"] as const) {
        const image = disk.clone();
        image.faults.push({ operation: "open", ...site, times, errno: "EMFILE" });
        if (times === 1) {
          const { db } = await opened(image, true);
          expect(db.hasNode("first")).toBe(true);
          await db.close();
        } else await expect(opened(image, true)).rejects.toMatchObject({ code: "IO" });
        expect(image.openFiles).toBe(0);
      }
    },
  );

  it("goes on once there are handles again, and is told the same of every look where there never are", async () => {
    for (const errno of ["EMFILE", "EIO"]) {
      const { disk, writer, reader } = await both();
      const { log } = Database.coreOf(reader.db);
      await writer.transact((tx) => tx.putNode("second"));
      reader.ports.clock.advance(60_000);
      disk.faults.push({ operation: "open", path: "watermark", times: "forever", errno });
      const looks = [reader.db.flush(), log.flush()].map((look) =>
        expect(look).rejects.toMatchObject({ code: "IO" }),
      );
      await Promise.all(looks);
      disk.faults.length = 0;
      expect(log.poison === undefined).toBe(errno === "EMFILE");
      if (errno === "EMFILE") await reader.db.flush();
      else await expect(reader.db.flush()).rejects.toBe(log.poison);
      expect(reader.db.hasNode("second")).toBe(errno === "EMFILE");
      expect(reader.db.hasNode("first")).toBe(true);
      await reader.db.close();
      await writer.close();
    }
  });
});

describe("a reader of files that are gone", () => {
  it("takes none in their place that says less than it has read", async () => {
    const disk = new SimulatedDisk({ seed: 1, trace: "none" });
    const { db: writer } = await opened(disk, false, 5);
    const write = async (): Promise<void> => {
      for (let i = 0; i < 6; i++) {
        await writer.transact((tx) => {
          tx.putNode("same", { props: { i, text: "x".repeat(200_000) } });
          if (i === 0) tx.putNode("early", { props: { text: long + writer.lastLsn } });
        });
      }
      await writer.checkpoint();
    };
    await write();
    const { db: reader } = await opened(disk, true, 5);
    const before = reader.lastLsn;
    await write();
    await write();
    const compactor = compactorOf(writer);
    const { segments } = await compactor.rewrite(compactor.everything(writer.durableLsn)!);
    expect(segments).toBeGreaterThan(1);
    expect(segmentPaths(disk)[0]).toContain("-0002.log");
    // What it has of this node stood in a file of which the newer one says less.
    expect(() => reader.node("early")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND" }) as Error,
    );
    expect(reader.lastLsn).toBe(before);
    await expect(reader.flush()).rejects.toMatchObject({ code: "HISTORY_COMPACTED" });
    await reader.close();
    await writer.close();
  });
});
