// Damages what an unclean stop has left: below the watermark it is refused, above it the torn tail is cut, kept and told.
import { describe, expect, it } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { outcomeAndImageOf } from "./outcome.ts";
import { digestOf, imageOf, type Opened, openOn, withFile } from "./specimen.ts";

const segment = "/db/0000000000000001-0001.log";

interface Stopped {
  readonly disk: SimulatedDisk;
  /** Where the frames that are synced, and those that are only written, end. */
  readonly syncedEnd: number;
  readonly writtenEnd: number;
  readonly syncedDigest: string;
  readonly writtenDigest: string;
}

/** Three synced transactions, then three written ones, each in a frame of its own; then the process dies. */
async function stopped(): Promise<Stopped> {
  const { db, ports }: Opened = await openOn(simulatedPorts({ seed: 7 }).disk);
  for (let i = 0; i < 3; i++) await db.transact((tx) => tx.putNode(`synced${i}`));
  const syncedEnd = db.stats().bytes.log;
  const syncedDigest = await liveDigest(ports.disk);
  for (let i = 0; i < 3; i++) {
    await db.transact((tx) => tx.putNode(`written${i}`), { durability: "os" });
  }
  const writtenEnd = db.stats().bytes.log;
  ports.scheduler.stop();
  const disk = ports.disk.kill();
  return { disk, syncedEnd, writtenEnd, syncedDigest, writtenDigest: await liveDigest(disk) };
}

async function liveDigest(disk: SimulatedDisk): Promise<string> {
  const { db } = await openOn(disk.clone());
  const digest = await digestOf(db);
  await db.close();
  return digest;
}

function flipped(disk: SimulatedDisk, at: number): SimulatedDisk {
  const bytes = Buffer.from(disk.readFile(segment));
  bytes[at]! ^= 0x10;
  return withFile(disk, segment, bytes);
}

describe("after an unclean stop", () => {
  it("everything written is there, clean or not", async () => {
    const { disk, writtenDigest } = await stopped();
    const outcome = await outcomeAndImageOf(disk, writtenDigest, "undamaged");
    expect(outcome).toMatchObject({
      recovery: { clean: false, truncatedBytes: 0, quarantined: [], lastLsn: 6 },
    });
  });

  it("any changed byte below the watermark is refused, naming the LSNs (R1)", async () => {
    const { disk, syncedEnd, syncedDigest } = await stopped();
    for (let at = 4096; at < syncedEnd; at++) {
      const damaged = flipped(disk, at);
      await expect(openOn(damaged.clone())).rejects.toMatchObject({
        code: "CORRUPT",
        details: { file: segment.slice(4), case: expect.stringMatching(/^R[14]-/), lastLsn: 3 },
      });
      expect(await outcomeAndImageOf(damaged, syncedDigest, `byte ${at}`)).toMatchObject({
        kind: "refused",
      });
    }
  });

  it("any changed byte above it cuts the log there: kept aside, counted, reported", async () => {
    const { disk, syncedEnd, writtenEnd, syncedDigest } = await stopped();
    const frameBytes = (writtenEnd - syncedEnd) / 3;
    for (let at = syncedEnd; at < writtenEnd; at++) {
      const damaged = flipped(disk, at);
      const original = damaged.readFile(segment);
      const { db, ports } = await openOn(damaged);
      const whole = Math.floor((at - syncedEnd) / frameBytes);
      const cutAt = syncedEnd + whole * frameBytes;
      expect(db.lastLsn).toBe(3 + whole);
      if (whole === 0) expect(await digestOf(db)).toBe(syncedDigest);
      const { truncatedBytes, quarantined, clean } = db.recovery;
      expect(clean).toBe(false);
      expect(quarantined).toEqual([`quarantine/${segment.slice(4)}.${cutAt}.tail`]);
      // What is kept is exactly what was there, up to the last byte that is not zero.
      const kept = Buffer.from(ports.disk.readFile(`/db/${quarantined[0]}`));
      expect(kept.length).toBe(truncatedBytes);
      expect(kept.equals(original.subarray(cutAt, cutAt + truncatedBytes))).toBe(true);
      await db.transact((tx) => tx.putNode("goes on"));
      await db.close();
      const again = await openOn(ports.disk.clone());
      expect(again.db.recovery).toMatchObject({ clean: true, truncatedBytes: 0, quarantined: [] });
      expect(again.db.hasNode("goes on")).toBe(true);
      await again.db.close();
    }
  });

  it("every length above the watermark cuts at a transaction, every one below is refused", async () => {
    const { disk, syncedEnd, writtenEnd, syncedDigest } = await stopped();
    const bytes = disk.readFile(segment);
    for (let length = 4096; length < writtenEnd; length++) {
      const cut = withFile(disk, segment, bytes.subarray(0, length));
      if (length < syncedEnd) {
        expect((await outcomeAndImageOf(cut, syncedDigest, `cut to ${length}`)).kind).toBe(
          "refused",
        );
        continue;
      }
      const { db } = await openOn(cut);
      const whole = Math.floor(((length - syncedEnd) / (writtenEnd - syncedEnd)) * 3);
      expect(db.lastLsn).toBe(3 + whole);
      expect((await db.verify()).sound).toBe(true);
      await db.close();
    }
  });

  it("a frame behind the damage that knew it durable is witness enough, without a watermark (R4)", async () => {
    const { disk, syncedEnd } = await stopped();
    const damaged = flipped(disk, syncedEnd - 8);
    damaged.removeFile("/db/watermark");
    await expect(openOn(damaged)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { case: "R4-damage-with-witness" },
    });
  });

  it("what a recovery has shown is proven from then on: damage of it is refused too (R1)", async () => {
    const { disk, writtenDigest } = await stopped();
    const { db, ports } = await openOn(disk);
    expect(db.lastLsn).toBe(6);
    ports.scheduler.stop();
    const left = ports.disk.kill();
    const moved = left.listAll().find((path) => path.endsWith("0004-0001.log"))!;
    const bytes = Buffer.from(left.readFile(moved));
    let end = bytes.length;
    while (bytes[end - 1] === 0) end--;
    for (let at = 4096; at < end; at += 13) {
      bytes[at]! ^= 0x10;
      const outcome = await outcomeAndImageOf(withFile(left, moved, bytes), writtenDigest, `${at}`);
      expect(outcome).toEqual({ kind: "refused", code: "CORRUPT", file: moved.slice(4) });
      bytes[at]! ^= 0x10;
    }
  });

  it("recovering twice finds nothing more to do", async () => {
    const { disk, syncedEnd } = await stopped();
    const first = await openOn(flipped(disk, syncedEnd + 60));
    await first.db.close();
    const files = imageOf(first.ports.disk);
    const second = await openOn(first.ports.disk.clone());
    expect(second.db.recovery).toMatchObject({ clean: true, rebuilt: [], warnings: [] });
    await second.db.close();
    expect([...imageOf(second.ports.disk).keys()]).toEqual([...files.keys()]);
  });
});
