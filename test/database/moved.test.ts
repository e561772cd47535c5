// A closed database that is moved to another directory, and one whose machine's clock is set back: neither breaks it.
import { expect, it } from "vitest";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { type Database, open } from "../../src/varve.ts";

async function timesOf(db: Database): Promise<number[]> {
  const times: number[] = [];
  for await (const { changes } of db.changes({ live: false })) {
    for (const { at } of changes) times.push(at);
  }
  return times;
}

it("a closed database opens wherever it is moved to, with its index", async () => {
  const { disk: from, ...ports } = simulatedPorts({ seed: 3, tasks: "automatic" });
  const memoryBudget = 16 * 2 ** 20;
  const db = await open("/old", { ...ports, disk: from, memoryBudget });
  for (let i = 0; i < 30; i++) await db.transact((tx) => tx.putNode(`n${i}`, { props: { i } }));
  await db.checkpoint();
  const nodes = [...db.nodes()];
  await db.close();
  const to = new SimulatedDisk({ seed: 4 });
  for (const path of ["/mnt", "/mnt/other", "/mnt/other/name"]) await to.makeDirectory(path);
  for (const path of from.listAll()) {
    if (!path.startsWith("/old/")) continue;
    to.writeFile(path.replace("/old", "/mnt/other/name"), from.readFile(path));
  }
  const again = simulatedPorts({ disk: to, tasks: "automatic" });
  const moved = await open("/mnt/other/name", { ...again, memoryBudget });
  expect(moved.recovery).toMatchObject({ clean: true, rebuilt: [], warnings: [] });
  expect([...moved.nodes()]).toEqual(nodes);
  expect((await moved.verify()).problems).toEqual([]);
  await moved.close();
});

it("commit times never go back, however the clock is set, open or closed", async () => {
  const ports = simulatedPorts({ seed: 3, tasks: "automatic" });
  let db = await open("/db", ports);
  for (const ms of [0, 5000, -90_000_000, 10, -1]) {
    ports.clock.jump(ms);
    await db.transact((tx) => tx.emit("tick"));
  }
  await db.close();
  ports.clock.jump(-1_000_000);
  db = await open("/db", ports);
  await db.transact((tx) => tx.emit("tick"));
  const times = await timesOf(db);
  expect(times).toHaveLength(6);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times[1]).toBe(times[0]! + 5000);
  expect(times.slice(2).every((ms) => ms >= times[1]!)).toBe(true);
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
});
