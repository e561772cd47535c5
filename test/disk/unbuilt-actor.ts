// An actor that no thread could load: says whether it runs on the thread of the tests.
import { isMainThread } from "node:worker_threads";
import type { ActorReply, Disk } from "../../src/disk/ports.ts";

export function handle(_message: unknown, disk: Disk): ActorReply {
  return { result: `${isMainThread} ${disk.constructor.name}` };
}
