// What is erased is gone from every file once the log is compacted, whatever the policy; and what the API says of it before and after.
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database, HistoryPolicy } from "../../src/varve.ts";
import { filesWith } from "../support/erased-bytes.ts";
import { tinyTuning } from "../support/layered-script.ts";

const path = "/db";
/** No other key or value begins as these do: what a tree stores of them is the whole. */
const secret = "Zq-forget-me-7";
const secrets = ["forget-me", "prop-of-mine", "on-my-edge", "once-was", "large-of-mine"];

async function openOn(disk: SimulatedDisk, history: HistoryPolicy = "all"): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024, history };
  return await openTuned(path, options, tinyTuning);
}

async function fill(db: Database, name: string, bytes = 50_000): Promise<void> {
  await db.transact((tx) => tx.putNode(name, { props: { text: "z".repeat(bytes) } }));
}

/** A node with every kind of event, over several segments, among others that stay. */
async function live(db: Database): Promise<void> {
  await db.transact((tx) => {
    tx.putNodes(["a", "b", "c"], { labels: ["Person"] });
    tx.putNode(secret, { labels: ["Person"], props: { name: "prop-of-mine" } });
    tx.addEdge("a", "KNOWS", secret, { note: "on-my-edge" });
    tx.addEdge("a", "KNOWS", "b", { note: "stays" });
  });
  await fill(db, "pad.1");
  await db.transact((tx) => {
    const ids = ["a", secret, "b", "c"].map((key) => tx.nodeId(key)!);
    const from = Uint32Array.of(ids[0]!, ids[1]!, ids[2]!, ids[3]!);
    const to = Uint32Array.of(ids[1]!, ids[2]!, ids[3]!, ids[0]!);
    tx.addEdges({ type: "NEXT", from, to });
    tx.patchNode(secret, { props: { old: "once-was" } });
  });
  await fill(db, "pad.2");
  await db.transact((tx) => {
    tx.patchNode(secret, { props: { big: "large-of-mine".repeat(100) } });
    const loop = tx.addEdge(secret, "IS", secret, { note: "on-my-edge" });
    tx.patchEdge(loop, { note: "once-was" });
  });
  await fill(db, "pad.3");
}

async function changesOf(db: Database): Promise<Change[]> {
  const found: Change[] = [];
  for await (const { changes } of db.changes({ live: false })) found.push(...changes);
  return found;
}

function create(): SimulatedDisk {
  return new SimulatedDisk({ seed: 3, trace: "none" });
}

describe("erase", () => {
  it("removes a node at once, and every byte of it with the next compaction", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    await db.checkpoint();
    const before = await changesOf(db);
    const { result, firstLsn, lastLsn } = await db.transact((tx) => tx.erase(secret));
    expect(result).toBe(true);
    expect(db.hasNode(secret)).toBe(false);
    expect([...db.neighbors("a")].sort()).toEqual(["b"]);
    expect(db.stats().history.pendingErasures).toBe(1);
    expect(filesWith(disk, secrets)).not.toEqual([]);

    const { pendingErasures, segments } = await db.compact();
    expect(pendingErasures).toBe(0);
    expect(segments).toBeGreaterThan(2);
    expect(db.stats().history).toMatchObject({ pendingErasures: 0, horizon: 0 });
    expect(filesWith(disk, secrets)).toEqual([]);
    expect(filesWith(disk, ["pad.2"]).length).toBeGreaterThan(1);

    const after = await changesOf(db);
    const isOf = ({ lsn }: Change): boolean => lsn >= firstLsn && lsn <= lastLsn;
    expect(after.filter(isOf).map(({ kind }) => kind)).toEqual(Array(5).fill("erased"));
    for (const change of before) {
      const now = after.find(({ lsn }) => lsn === change.lsn)!;
      const isMine = JSON.stringify(change).includes("forget-me");
      if (!isMine) expect(now).toEqual(change);
      else {
        const { lsn, txLastLsn, at } = change;
        expect(now).toEqual({ kind: "erased", lsn, txLastLsn, at, graph: "" });
      }
    }
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    expect(filesWith(disk, secrets)).toEqual([]);
    const again = await openOn(disk);
    expect(await changesOf(again)).toEqual(after);
    expect(again.hasNode(secret)).toBe(false);
    expect(again.stats().history.pendingErasures).toBe(0);
    await again.close();
    expect(filesWith(disk, secrets)).toEqual([]);
  });

  it("takes every node that ever had the key, and none that gets it later", async () => {
    const disk = create();
    const db = await openOn(disk);
    for (const text of ["once-was", "prop-of-mine"]) {
      await db.transact((tx) => tx.putNode(secret, { props: { text } }));
      await fill(db, `pad.${text.length}`);
      await db.transact((tx) => tx.removeNode(secret));
    }
    await db.checkpoint();
    expect((await db.transact((tx) => tx.erase("never-was"))).result).toBe(false);
    const erased = await db.transact((tx) => tx.erase(secret));
    expect(erased).toMatchObject({ result: true, firstLsn: db.lastLsn });
    expect(db.stats().history.pendingErasures).toBe(2);
    // What waits already is not asked for again.
    const again = await db.transact((tx) => tx.erase(secret));
    expect(again).toMatchObject({ result: true, lastLsn: again.firstLsn - 1 });
    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, secrets)).toEqual([]);
    expect((await db.transact((tx) => tx.erase(secret))).result).toBe(false);

    await db.transact((tx) => tx.putNode(secret, { props: { text: "on-my-edge" } }));
    await db.compact();
    expect(db.node(secret)?.props).toEqual({ text: "on-my-edge" });
    expect(filesWith(disk, [secret])).not.toEqual([]);
    const kinds = (await changesOf(db)).map(({ kind }) => kind);
    expect(kinds).toEqual([
      ...["erased", "node.put", "erased", "erased", "node.put", "erased", "erased"],
      "node.put",
    ]);
    await db.close();
  });

  it("is no more than a write until it is accepted", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    const stop = new Error("stop");
    await expect(
      db.transact((tx) => {
        expect(tx.erase(secret)).toBe(true);
        expect(tx.hasNode(secret)).toBe(false);
        throw stop;
      }),
    ).rejects.toBe(stop);
    expect(db.hasNode(secret)).toBe(true);
    expect(db.stats().history.pendingErasures).toBe(0);
    // Nor does a node that was never seen outside its transaction stay.
    await db.transact((tx) => {
      tx.putNode("Wx-large-of-mine");
      expect(tx.erase("Wx-large-of-mine")).toBe(true);
      expect(() => tx.erase("")).toThrow(RangeError);
      expect(() => tx.erase(7 as never)).toThrow(TypeError);
    });
    expect(db.stats().history.pendingErasures).toBe(1);
    await db.compact();
    expect(filesWith(disk, ["Wx-large"])).toEqual([]);
    expect(db.node(secret)?.props["name"]).toBe("prop-of-mine");
    await db.close();
  });

  it("ends views of before, and leaves the past without the node", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    const { lastLsn } = db;
    const then = db.snapshot();
    const edges = then.edges("a")[Symbol.iterator]();
    edges.next();
    expect([then.nodeCount, then.edgeCount]).toEqual([7, 7]);
    await db.transact((tx) => tx.erase(secret));
    const since = db.snapshot();
    expect(then.node(secret)?.props["name"]).toBe("prop-of-mine");
    await db.compact();
    const gone = expect.objectContaining({ code: "HISTORY_COMPACTED" });
    expect(() => then.node("a")).toThrow(gone);
    expect(() => edges.next()).toThrow(gone);
    then.close();
    expect([...since.neighbors("a")]).toEqual(["b"]);
    since.close();

    const past = await db.asOf(lastLsn);
    expect(past.node(secret)).toBeUndefined();
    expect([past.nodeCount, past.edgeCount]).toEqual([6, 3]);
    expect([...past.neighbors("a", { direction: "both" })].sort()).toEqual(["b", "c"]);
    expect([...past.allEdges()].map(({ from, to }) => from + to)).toEqual(["ab", "bc", "ca"]);
    expect([...past.nodes({ label: "Person" })].map(({ key }) => key)).toEqual(["a", "b", "c"]);
    past.close();
    const found: Change[] = [];
    for await (const change of db.history(secret)) found.push(change);
    for await (const change of db.diff(0, lastLsn)) found.push(change);
    expect(found.filter(({ kind }) => kind === "erased")).toHaveLength(8);
    expect(JSON.stringify(found)).not.toContain("forget-me");
    await db.close();
  });

  it("is done by itself once the segments that have it may be rewritten", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    await db.transact((tx) => tx.erase(secret));
    await fill(db, "pad.4");
    await fill(db, "pad.5");
    await db.checkpoint();
    for (let i = 0; i < 5000 && db.stats().history.pendingErasures > 0; i++) await undefined;
    expect(db.stats().history).toMatchObject({ pendingErasures: 0, horizon: 0 });
    expect(filesWith(disk, secrets)).toEqual([]);
    await db.close();
  });

  it("goes beside a policy that drops history", async () => {
    const disk = create();
    const db = await openOn(disk, "latest");
    await live(db);
    await db.compact();
    await db.transact((tx) => tx.erase(secret));
    await db.compact();
    expect(filesWith(disk, secrets)).toEqual([]);
    expect(db.edgeCount).toBe(3);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it.each(["-0001.log", "-keys.tree"])(
    "is not done while a %s of before is there",
    async (name) => {
      const disk = create();
      const db = await openOn(disk);
      await live(db);
      await db.transact((tx) => tx.erase(secret));
      await db.checkpoint();
      disk.faults.push({ operation: "unlink", path: name, errno: "EACCES", times: "forever" });
      expect((await db.compact()).pendingErasures).toBe(1);
      expect(filesWith(disk, secrets)).not.toEqual([]);
      disk.faults.length = 0;
      expect((await db.compact()).pendingErasures).toBe(0);
      expect(filesWith(disk, secrets)).toEqual([]);
      await db.close();
    },
  );

  it("waits for a backup that is being made, and is not in one that is made later", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    await db.transact((tx) => tx.erase(secret));
    const copying = db.backup("/copy");
    await db.compact();
    await copying;
    expect((await db.compact()).pendingErasures).toBe(0);
    await db.backup("/later");
    const found = filesWith(disk, secrets);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((file) => !file.startsWith("/copy/"))).toEqual([]);
    await db.close();
  });

  it("is seen by a reader beside the writer, which shows nothing thinned meanwhile", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    const { lastLsn } = db;
    const ports = simulatedPorts({ disk, seed: 6, tasks: "automatic" });
    const reader = await openTuned(path, { ...ports, readOnly: true }, tinyTuning);
    expect(reader.node(secret)?.props["name"]).toBe("prop-of-mine");
    await db.transact((tx) => tx.erase(secret));
    await reader.flush();
    expect(reader.hasNode(secret)).toBe(false);
    await db.compact();
    await reader.flush();
    for (const change of await changesOf(reader)) {
      if (change.lsn <= lastLsn) continue;
      expect(JSON.stringify(change)).not.toContain("prop-of-mine");
    }
    expect([...reader.neighbors("a")]).toEqual(["b"]);
    await reader.close();
    const again = await openTuned(path, { ...ports, readOnly: true }, tinyTuning);
    expect(JSON.stringify(await changesOf(again))).not.toContain("forget-me");
    const past = await again.asOf(lastLsn);
    expect([past.hasNode(secret), past.edgeCount]).toEqual([false, 3]);
    past.close();
    await again.close();
    await db.close();
  });

  it("changes nothing where it cannot be carried out, and works afterwards", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    const view = db.snapshot();
    await db.transact((tx) => tx.erase(secret));
    disk.faults.push({ operation: "write", path: "-0002.log", errno: "ENOSPC" });
    await expect(db.compact()).rejects.toMatchObject({ code: "DISK_FULL" });
    disk.faults.length = 0;
    expect(view.hasNode(secret)).toBe(true);
    expect(db.stats().history.pendingErasures).toBe(1);
    const stop = AbortSignal.abort();
    await expect(db.compact({ signal: stop })).rejects.toMatchObject({ code: "ABORTED" });
    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, secrets)).toEqual([]);
    await db.close();
  });

  it("spares maps and named graphs, whatever their ids", async () => {
    const disk = create();
    const db = await openOn(disk);
    await db.transact((tx) => {
      tx.putNode(secret, { props: { text: "once-was" } });
      tx.map("config").put("k", "v");
      tx.graph("other").putNode(secret);
      tx.graph("other").addEdge(secret, "IS", secret);
    });
    await db.transact((tx) => tx.erase(secret));
    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, ["once-was"])).toEqual([]);
    expect(db.map("config").get("k")).toBe("v");
    expect([...db.graph("other").neighbors(secret)]).toEqual([secret]);
    expect((await changesOf(db)).map(({ kind }) => kind)).toEqual([
      ...["erased", "map.put", "node.put", "edge.add", "erased"],
    ]);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});
