// The worker of the index on a simulated machine: its module is there without an import, whose time nobody controls, so that equal lives make
// equal calls.
import { handle } from "../../src/index/tree-worker.ts";
import type { SimulatedWorkers } from "../../src/testing/testing.ts";

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);

export function registerTreeWorker(workers: SimulatedWorkers): void {
  workers.register(treeWorker, { handle });
}
