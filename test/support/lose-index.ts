// Takes everything from a database but its log: what is opened then is a replay of that alone.
import type { SimulatedDisk } from "../../src/testing/testing.ts";

export async function loseIndex(disk: SimulatedDisk): Promise<void> {
  for (const file of disk.listAll()) {
    if (/\.tree$|checkpoint-/.test(file)) await disk.unlink(file);
  }
}
