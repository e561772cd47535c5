// Compacts a log with named graphs and maps: dropped ones leave nothing, entries and nodes that are there are what they were.
import { expect, it } from "vitest";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, type OpenOptions, open } from "../../src/varve.ts";

const options: OpenOptions = {
  segmentBytes: 64 * 1024,
  memoryBudget: 16 * 2 ** 20,
  history: "latest",
};

async function fill(db: Database): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await db.transact((tx) => tx.putNode("filler", { props: { text: "x".repeat(20_000) } }));
  }
}

function picture(db: Database): unknown {
  const [kept, again] = [db.graph("kept"), db.graph("again")];
  return {
    kept: [...kept.nodes()].concat([...again.nodes()]),
    edges: [...kept.allEdges()],
    entries: [...db.map("m").range()],
  };
}

function holds(files: readonly Uint8Array[], text: string): boolean {
  return files.some((bytes) => Buffer.from(bytes).includes(text));
}

it("drops what nothing needs of graphs and maps, and keeps all else, ids too", async () => {
  const ports = simulatedPorts({ tasks: "automatic", seed: 3 });
  const db = await open("/db", { ...options, ...ports });
  await db.transact((tx) => {
    const gone = tx.graph("gone");
    gone.putNode("a", { labels: ["L"], props: { text: "dropped-text" } });
    gone.addEdge("a", "E", "a", { text: "dropped-edge" });
    const kept = tx.graph("kept");
    kept.putNode("a", { props: { n: 1 } });
    kept.addEdge("a", "E", "a", { n: 1 });
    tx.graph("again").putNode("a", { props: { text: "first-life" } });
    tx.map("m").put("old", "replaced-value");
    tx.map("m").put("removed", "removed-value");
    tx.map("m").put("stays", "kept-value");
    tx.map("gone").put("k", "dropped-value");
  });
  await fill(db);
  await db.transact((tx) => {
    tx.dropGraph("gone");
    tx.dropGraph("again");
    tx.dropMap("gone");
    tx.map("m").put("old", "new-value");
    tx.map("m").delete("removed");
    tx.graph("kept").patchNode("a", { props: { m: 2 } });
  });
  await db.transact((tx) => tx.graph("again").putNode("b"));
  await fill(db);
  const before = picture(db);
  await db.checkpoint();
  await db.compact();
  await db.compact();
  expect(picture(db)).toEqual(before);
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
  const logs = ports.disk.listAll().filter((path) => path.endsWith(".log"));
  const files = logs.map((path) => ports.disk.readFile(path));
  const gone = ["dropped-text", "dropped-edge", "dropped-value", "first-life", "replaced-value"];
  for (const text of gone) expect([text, holds(files, text)]).toEqual([text, false]);
  for (const text of ["kept-value", "new-value"]) expect(holds(files, text)).toBe(true);
  for (const path of ports.disk.listAll()) {
    if (path.endsWith(".tree") || path.includes("checkpoint")) ports.disk.removeFile(path);
  }
  // All of it comes back from the log alone, and ids are not given out again.
  const again = await open("/db", { ...options, ...simulatedPorts({ disk: ports.disk }) });
  expect(picture(again)).toEqual(before);
  const most = Math.max(...[...again.nodes()].map(({ id }) => id));
  const { result } = await again.transact((tx) => tx.graph("kept").putNode("new"));
  expect(result).toBeGreaterThan(most);
  await again.close();
});
