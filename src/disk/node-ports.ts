// The ports of a real machine, which `open` uses where its options name none.
import { NodeClock } from "./node-clock.ts";
import { NodeDisk } from "./node-disk.ts";
import { NodeRandom } from "./node-random.ts";
import { NodeScheduler } from "./node-scheduler.ts";
import { NodeWorkers } from "./node-workers.ts";
import type { Ports } from "./ports.ts";

export function nodePorts(): Ports {
  return {
    disk: new NodeDisk(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    scheduler: new NodeScheduler(),
    workers: new NodeWorkers(),
  };
}
