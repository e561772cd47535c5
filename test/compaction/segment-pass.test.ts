// Compacts logs whose segments hold what does not belong there, or frames larger than what is read at a time.
import { beforeEach, describe, expect, it } from "vitest";
import { writeState } from "../../src/database/system-state.ts";
import { SEGMENT_STATE } from "../../src/log/manifest-codec.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { takeApart } from "../corruption/crafted.ts";
import { manifestOf, segmentPaths, withFrames, withHeader } from "../recovery/rewritten.ts";

interface Opened {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

async function opened(segmentBytes: number): Promise<Opened> {
  const ports = simulatedPorts({ tasks: "automatic", seed: 3 });
  const sizes = { segmentBytes, memoryBudget: 16 * 2 ** 20, history: "latest" as const };
  return { db: await open("/db", { ...ports, ...sizes }), ports };
}

async function overwrite(db: Database, times: number, bytes: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await db.transact((tx) => {
      tx.putNode("same", { props: { i, text: "x".repeat(bytes) } });
      tx.putNode(`n${i}`);
    });
  }
}

describe("a compaction", () => {
  let db: Database;
  let ports: SimulatedPorts;
  let path: string;

  beforeEach(async () => {
    ({ db, ports } = await opened(64 * 1024));
    await overwrite(db, 12, 20_000);
    await db.checkpoint();
    path = segmentPaths(ports.disk)[1]!;
    expect(manifestOf(ports.disk).segments.length).toBeGreaterThan(3);
  });

  async function expectRefused(changed: SimulatedDisk, fault: string): Promise<void> {
    ports.disk.writeFile(path, changed.readFile(path));
    await expect(db.compact()).rejects.toMatchObject({
      code: "CORRUPT",
      details: { fault, file: path.slice(4) },
    });
    // The others may be rewritten meanwhile.
    expect(Buffer.from(ports.disk.readFile(path)).equals(changed.readFile(path))).toBe(true);
    await db.close().catch(() => {});
  }

  it.each([{ segmentId: 9 }, { generation: 2 }, { baseLsn: 1 }])(
    "rewrites no file that is another segment: %o",
    async (lie) => {
      await expectRefused(withHeader(ports.disk, path, lie), "header");
    },
  );

  it("rewrites no frames of which one goes on from another than the one before it", async () => {
    const bytes = ports.disk.readFile(path).slice();
    const { frames } = takeApart(ports.disk, path);
    const { disk: anew } = withFrames(ports.disk, path, frames);
    const changed = anew.readFile(path);
    // The second frame of this chain is behind the first one of that.
    const end = frames[1]!.at;
    bytes.set(changed.subarray(end, end + 1000), end);
    const other = takeApart(anew, path).frames[1]!;
    expect(other.previousHash).not.toBe(frames[1]!.previousHash);
    bytes.set(changed.subarray(end), end);
    ports.disk.writeFile(path, bytes);
    await expectRefused(ports.disk.clone(), "misplaced");
  });

  it("rewrites no frames that end with another than the manifest says", async () => {
    const { frames } = takeApart(ports.disk, path);
    const { disk: anew } = withFrames(ports.disk, path, frames);
    await expectRefused(anew, "wrong end");
  });

  it.each([
    ["behind a frame", (at: number) => at],
    ["within a frame", (at: number) => at + 100],
    ["within a frame's header", (at: number) => at + 10],
  ])("rewrites no file that ends too soon, %s", async (_, endOf) => {
    const changed = ports.disk.clone();
    const { at } = takeApart(changed, path).frames[1]!;
    changed.writeFile(path, changed.readFile(path).slice(0, endOf(at)));
    await expectRefused(changed, "short");
  });
});

describe("a compaction of frames larger than what is read at a time", () => {
  it("keeps the newest of them", async () => {
    const { db, ports } = await opened(2 ** 20);
    await overwrite(db, 8, 300_000);
    await db.checkpoint();
    const { bytesBefore, bytesAfter } = await db.compact();
    expect(bytesBefore - bytesAfter).toBeGreaterThan(1_000_000);
    expect(db.node("same")?.props).toEqual({ i: 7, text: "x".repeat(300_000) });
    expect((await db.verify()).problems).toEqual([]);
    expect(manifestOf(ports.disk).segments[0]!.state).toBe(SEGMENT_STATE.sealed);
    await db.close();
  });
});

describe("a compaction of state and of patches", () => {
  it("keeps what each name has now, though it had as long a value before", async () => {
    const { db, ports } = await opened(64 * 1024);
    for (const value of ["one", "two", "six"]) {
      await db.transact((tx) => writeState(tx, "name", value));
      await overwrite(db, 4, 20_000);
    }
    await db.checkpoint();
    await db.compact();
    await db.close();
    const again = await open("/db", {
      ...simulatedPorts({ disk: ports.disk, tasks: "automatic" }),
    });
    expect((await again.verify()).problems).toEqual([]);
    await again.close();
  });

  it("lays patches over edges that came in a run, and over patches that are whole already", async () => {
    const { db } = await opened(64 * 1024);
    let first = 0;
    await db.transact((tx) => {
      const ids = tx.putNodes(["a", "b"], { labels: ["L"] });
      first = tx.addEdges({ type: "E", from: ids, to: ids.slice().reverse() });
    });
    for (let round = 0; round < 3; round++) {
      await db.transact((tx) => {
        tx.patchEdge(first, { [`e${round}`]: round });
        tx.patchNode("a", { props: { [`p${round}`]: round } });
      });
      await overwrite(db, 4, 20_000);
      await db.transact((tx) => {
        tx.patchEdge(first, { last: round });
        tx.patchNode("a", { props: { last: round } });
      });
      await overwrite(db, 4, 20_000);
      await db.checkpoint();
      await db.compact();
    }
    expect(db.node("a")?.props).toEqual({ p0: 0, p1: 1, p2: 2, last: 2 });
    expect(db.node("a")?.labels).toEqual(["L"]);
    expect(db.edge(first)?.props).toEqual({ e0: 0, e1: 1, e2: 2, last: 2 });
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});
