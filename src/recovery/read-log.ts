// Finds the newest checkpoint that holds and reads the log from behind it; else from an older one, else whole.
import type { Disk } from "../disk/ports.ts";
import { checkpointFileName } from "../log/file-names.ts";
import { compactedToOf, type Manifest } from "../log/manifest-codec.ts";
import type { Watermark } from "../log/watermark.ts";
import {
  type Candidate,
  isStart,
  isTreeFault,
  isUnloadable,
  type RecoveryBase,
  readCheckpoints,
  treeNamedIn,
} from "./recovery-base.ts";
import { Replay, type ReplaySink } from "./replay.ts";
import { readSegments, type ScannedLog } from "./scan-log.ts";

export interface LogSource {
  readonly disk: Disk;
  readonly directory: string;
  readonly manifest: Manifest;
  readonly watermark: Watermark | undefined;
}

/** The log as read. */
export interface ReadLog {
  readonly log: ScannedLog | undefined;
  readonly replay: Replay;
  /**
   * The checkpoint that the log was read from behind; none where it was read whole. An older one has done its service once
   * this one was loaded, as it has where a checkpoint is saved: kept longer, its trees would be nobody's when it is dropped.
   */
  readonly kept: readonly Candidate[];
  /** Files of checkpoints and trees that could not be used. */
  readonly rebuilt: readonly string[];
  readonly warnings: readonly string[];
}

/** Changes nothing; `sink` and `base` hold what was recovered. Throws where the log itself is damaged. */
export async function readLog(
  source: LogSource,
  sink: ReplaySink,
  base: RecoveryBase,
): Promise<ReadLog> {
  const { candidates, lost } = await readCheckpoints(
    source.disk,
    source.directory,
    source.manifest,
  );
  const rebuilt = [...lost];
  const warnings = lost.map((name) => `${name} is missing or not what was written`);
  for (const [ordinal, { checkpoint }] of candidates.entries()) {
    const from = isStart(checkpoint) ? undefined : checkpoint.position;
    try {
      await base.load(checkpoint);
    } catch (error) {
      if (!isUnloadable(error)) throw error;
      await giveUp(checkpoint.number, error);
      continue;
    }
    const replay = new Replay(sink, source.watermark, from);
    try {
      const log = await read(replay);
      return { log, replay, kept: candidates.slice(ordinal, ordinal + 1), rebuilt, warnings };
    } catch (error) {
      if (!isTreeFault(error)) throw error;
      await giveUp(checkpoint.number, error);
    }
  }
  const replay = new Replay(sink, source.watermark);
  return { log: await read(replay), replay, kept: [], rebuilt, warnings };

  function read(replay: Replay): Promise<ScannedLog | undefined> {
    const { disk, directory, manifest, watermark } = source;
    sink.noteCompacted?.(compactedToOf(manifest.segments));
    return readSegments(disk, directory, manifest, watermark, replay);
  }

  async function giveUp(number: number, error: unknown): Promise<void> {
    await base.clear();
    const name = checkpointFileName(number);
    const tree = treeNamedIn(error);
    if (tree !== undefined && !rebuilt.includes(tree)) rebuilt.push(tree);
    rebuilt.push(name);
    warnings.push(`${name} cannot be used: ${(error as Error).message}`);
  }
}
