// Replays what an open log holds on disk, system records included, while it stays open.
import type { Disk } from "../disk/ports.ts";
import type { Log } from "../log/log.ts";
import type { ReplaySink } from "./replay.ts";
import { type VerifiedLog, verifyLog } from "./verify-log.ts";

/**
 * Hands every transaction that was accepted when this was called to `sink`, checking each frame on the way. Whoever
 * wants what comes later asks again, or keeps writers out meanwhile.
 *
 * @throws {VarveError} CORRUPT at the first damage; POISONED where the log gets so just then.
 */
export async function replayOpenLog(
  disk: Disk,
  directory: string,
  log: Log,
  sink: ReplaySink,
): Promise<VerifiedLog> {
  // What a poisoned log still has is on disk: the rest was taken back.
  if (log.poison === undefined) await log.flush();
  const release = log.rewriting?.hold();
  try {
    return await verifyLog(disk, directory, log.segments(), sink);
  } finally {
    release?.();
  }
}
