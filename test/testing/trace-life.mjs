// One life of a database on a simulated disk, a power cut and the life behind it, told as hashes of their traces. Run by
// determinism.test.ts in its own process and, as a program with the URL of the transpiled sources, in others.
import { writeSync } from "node:fs";

export async function traceLife({ open, handle, kit, treeWorker }, seed) {
  const { randomSurvival, simulatedPorts, SimulatedDisk, SimulatedRandom, traceHash } = kit;
  const plan = kit.randomPlan(new SimulatedRandom(seed), { effects: ["short", "delay"] });
  const profile = ["strict", "harsh", "windows", "lying"][seed % 4];
  const hashes = [];
  let disk = new SimulatedDisk({ seed, trace: "all", plan, profile });
  disk.writeFile("/data/other", new Uint8Array(1));
  for (let life = 0; life < 2; life++) {
    const ports = simulatedPorts({ disk, seed, tasks: "automatic" });
    ports.workers.register(treeWorker, { handle });
    try {
      const db = await open("/data/graph", { ...ports, segmentBytes: 64 * 1024 });
      for (let i = 0; i < 5; i++) {
        await db.transact((tx) => {
          tx.putNode(`node ${life} ${i}`, { props: { pad: "x".repeat(100 * i), life } });
          if (i > 0) tx.addEdge(`node ${life} ${i}`, "NEXT", `node ${life} ${i - 1}`);
        });
        if (i === 3) await db.checkpoint();
      }
    } catch (error) {
      hashes.push(String(error.code ?? error));
    }
    hashes.push(traceHash(disk.trace));
    disk = disk.powerCut(randomSurvival(disk, new SimulatedRandom(seed + life)));
  }
  return hashes.join(" ");
}

const [base, ...seeds] = process.argv.slice(2);
if (base?.startsWith("file:")) {
  const from = (module) => import(`${base}${module}.js`);
  const { open } = await from("database/open");
  const { handle } = await from("index/tree-worker");
  const parts = {
    open,
    handle,
    kit: await from("testing/testing"),
    treeWorker: new URL(`${base}index/tree-worker.js`),
  };
  for (const seed of seeds) writeSync(1, `${await traceLife(parts, Number(seed))}\n`);
}
