// Random bytes from the operating system.
import { randomFillSync } from "node:crypto";
import type { Random } from "./ports.ts";

export class NodeRandom implements Random {
  bytes(count: number): Uint8Array {
    return randomFillSync(new Uint8Array(count));
  }
}
