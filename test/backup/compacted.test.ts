// Backs up, damages and repairs a log that compaction has rewritten: its segments chain by other hashes than they end with.
import { describe, expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import { parseSegmentFileName } from "../../src/log/file-names.ts";
import {
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import { type Database, type OpenOptions, open } from "../../src/varve.ts";

const small: OpenOptions = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
const filler = "x".repeat(200);

async function compacted(): Promise<{ db: Database; ports: SimulatedPorts; horizon: number }> {
  const ports = simulatedPorts({ tasks: "automatic", seed: 3 });
  const db = await open("/db", { ...small, history: "latest", ...ports });
  for (let round = 0; round < 10; round++) await churn(db, round);
  const { horizon, segments } = await db.compact();
  expect(segments).toBeGreaterThan(3);
  return { db, ports, horizon };
}

async function churn(db: Database, round: number): Promise<void> {
  await db.transact((tx) => {
    for (let i = 0; i < 200; i++) tx.putNode(`n${i}`, { props: { round, i, filler } });
    for (let i = 0; i < 200; i++) tx.putEdge(`n${i}`, "NEXT", `n${(i * 7) % 200}`, { round });
    if (round % 2 === 1) tx.removeNode(`n${round}`);
  });
}

function offsetsIn(fileBytes: number): number[] {
  const middle = Math.floor((4096 + fileBytes) / 2);
  return [4096 + 3, 4096 + 60, middle, fileBytes - 600, fileBytes - 40].filter((at) => at > 4096);
}

function picture(db: Database): unknown {
  return { nodes: [...db.nodes()], edges: [...db.allEdges()] };
}

function openOn(disk: SimulatedDisk, path: string): Promise<Database> {
  return open(path, { ...small, ...simulatedPorts({ tasks: "automatic", disk, seed: 5 }) });
}

/** Paths of the files of segments that compaction has written, oldest first. */
function rewritten(disk: SimulatedDisk): string[] {
  return disk
    .listAll()
    .filter((path) => (parseSegmentFileName(path.slice("/db/".length))?.generation ?? 0) > 1)
    .sort();
}

describe("a compacted log", () => {
  it("is backed up, and brought up to date behind another compaction", async () => {
    const { db, ports, horizon } = await compacted();
    await db.backup("/copy");
    const first = picture(db);
    const there = await openOn(ports.disk.clone(), "/copy");
    expect(picture(there)).toEqual(first);
    expect(there.stats().history.horizon).toBe(horizon);
    expect((await there.verify()).problems).toEqual([]);
    await there.close();
    await churn(db, 11);
    await db.backup("/copy");
    const again = await openOn(ports.disk, "/copy");
    expect(picture(again)).toEqual(picture(db));
    expect((await again.verify()).problems).toEqual([]);
    await again.close();
    await db.close();
  });

  it("stays as it is in a repair that has nothing to do with it, horizon and all", async () => {
    const { db, ports, horizon } = await compacted();
    const before = picture(db);
    await db.close();
    const { disk } = ports;
    const names = rewritten(disk);
    for (const copy of ["/db/manifest.a", "/db/manifest.b"]) disk.removeFile(copy);
    const options = {
      ...simulatedPorts({ tasks: "automatic", disk, seed: 4 }),
      segmentBytes: small.segmentBytes,
    };
    expect((await repair("/db", options)).lost).toEqual([]);
    const again = await openOn(disk, "/db");
    expect(picture(again)).toEqual(before);
    expect(again.stats().history.horizon).toBe(horizon);
    expect((await again.verify()).problems).toEqual([]);
    expect(rewritten(disk)).toEqual(names);
    await again.close();
  });

  it("is repaired of damage inside it: what is left makes sense, and what is lost is said", async () => {
    const { db, ports } = await compacted();
    const before = new Map([...db.nodes()].map((node) => [node.key, node]));
    await db.close();
    const paths = rewritten(ports.disk);
    const bySize = paths.sort((a, b) => ports.disk.fileBytes(b) - ports.disk.fileBytes(a));
    // Of the largest, and of one that is little more than a gap: a frame's head, its payload, the footer.
    const some = new Set([...bySize.slice(0, 2), bySize[bySize.length - 1]!]);
    for (const path of some) {
      for (const offset of offsetsIn(ports.disk.fileBytes(path))) {
        const disk = ports.disk.clone();
        const bytes = disk.readFile(path).slice();
        bytes[offset]! ^= 1;
        disk.writeFile(path, bytes);
        const said = await repair("/db", {
          ...simulatedPorts({ tasks: "automatic", disk, seed: 4 }),
          segmentBytes: small.segmentBytes,
        });
        const again = await openOn(disk, "/db");
        const where = `${path} at ${offset}`;
        const left = [...again.nodes()];
        expect((await again.verify()).problems, where).toEqual([]);
        for (const node of left) expect(before.get(node.key), where).toEqual(node);
        if (said.lost.length === 0) expect(left.length, where).toBe(before.size);
        else expect(said.quarantined.length, where).toBeGreaterThan(0);
        await churn(again, 12);
        await again.close();
        const third = await openOn(disk, "/db");
        expect(third.nodeCount, where).toBe(200);
        await third.close();
      }
    }
  });
});
