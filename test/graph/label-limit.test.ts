// A node has only so many labels: with its key they must fit one entry of a tree on disk.
import { describe, expect, it } from "vitest";
import { limits } from "../../src/codec/limits.ts";
import { openTuned } from "../../src/database/open.ts";
import { inlineRecordBytesMax } from "../../src/index/graph-index.ts";
import { blobBytesMax } from "../../src/index/page-format.ts";
import { simulatedPorts } from "../../src/testing/testing.ts";
import { codeOf } from "../database/support.ts";

const max = limits.labelsPerNodeMax;
const labelsFrom = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `L${from + i}`);

describe("the labels of a node", () => {
  it("fit one entry with the longest key, whatever their numbers", () => {
    const keyLengthBytes = 2;
    const numberBytesMax = 5;
    const listEnd = 1;
    const labels = max * numberBytesMax + listEnd;
    const item = keyLengthBytes + limits.keyBytesMax + labels + inlineRecordBytesMax;
    expect(item).toBeLessThanOrEqual(blobBytesMax);
  });

  it("are at most so many, put at once or added by patches, and the most can be flushed", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const options = { ...ports, memoryBudget: 16 * 2 ** 20 };
    const db = await openTuned("/db", options, {});
    const key = "k".repeat(limits.keyBytesMax);
    // High numbers take the most bytes.
    await db.transact((tx) => {
      for (let i = 0; i < 5; i++)
        tx.putNode("other", { labels: labelsFrom(100_000 + i * max, max) });
      tx.putNode(key, { labels: labelsFrom(0, max - 1) });
    });
    await db.transact((tx) => tx.patchNode(key, { addLabels: ["last", "L0", "L1"] }));
    expect(db.node(key)!.labels).toHaveLength(max);
    const refused = { code: "LIMIT_EXCEEDED", details: { limit: "labelsPerNodeMax", max } };
    await expect(
      db.transact((tx) => tx.patchNode(key, { addLabels: ["more"] })),
    ).rejects.toMatchObject(refused);
    for (const method of ["putNode", "putNodes"] as const) {
      const put = db.transact((tx) => {
        const labels = labelsFrom(0, max + 1);
        if (method === "putNode") tx.putNode("new", { labels });
        else tx.putNodes(["new"], { labels });
      });
      await expect(put).rejects.toMatchObject(refused);
    }
    // One goes, another comes; the same name twice counts once.
    await db.transact((tx) => {
      tx.patchNode(key, { addLabels: ["more"], removeLabels: ["last"] });
      tx.putNode("twice", { labels: [...labelsFrom(0, max), ...labelsFrom(0, 100)] });
      for (let i = 0; i < 2; i++) tx.patchNode(key, { props: { i } });
      expect(() => tx.patchNode(key, { addLabels: ["one more"] })).toThrow("labels");
    });
    expect(await codeOf(() => db.checkpoint())).toBe("no error");
    await db.close();
    const again = await openTuned("/db", options, {});
    expect(again.node(key)!.labels).toHaveLength(max);
    await again.close();
  }, 60_000);
});
