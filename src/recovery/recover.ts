// The opening procedure: reads everything, decides, and only then acts. Refusing changes no byte on disk.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { Ports } from "../disk/ports.ts";
import { sideBySide } from "../disk/side-by-side.ts";
import { ActiveSegment } from "../log/active-segment.ts";
import { sameHash, zeroHash } from "../log/fields.ts";
import { FILE, parseSegmentFileName } from "../log/file-names.ts";
import { type CheckpointRef, type Manifest, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { ManifestStore, readManifest } from "../log/manifest-store.ts";
import { releaseReserve } from "../log/reserve.ts";
import { Segment } from "../log/segment.ts";
import type { LogParts } from "../log/segment-log.ts";
import { SyncFailure } from "../log/sync-failure.ts";
import type { Watermark } from "../log/watermark.ts";
import { isLeftover } from "./leftover.ts";
import { quarantineFile, quarantineTail } from "./quarantine.ts";
import { readLog } from "./read-log.ts";
import { reappend } from "./reappend.ts";
import { freeTreeId, type RecoveryBase, strayNames } from "./recovery-base.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { cutTo, pointOf, type Replay, type ReplaySink, type SegmentPoint } from "./replay.ts";
import type { ScannedLog } from "./scan-log.ts";
import { type Keep, readSmallFiles, SmallFiles } from "./small-files.ts";

export interface RecoverOptions {
  readonly segmentBytes: number;
}

export interface Recovered {
  readonly parts: LogParts;
  readonly report: RecoveryReport;
}

/**
 * Opens the log of a database that has a manifest: restores `base` from the newest checkpoint that can be loaded, and
 * hands every transaction recovered behind it to `sink`.
 *
 * @throws {VarveError} CORRUPT where acknowledged data is damaged; FORMAT_UNSUPPORTED; IO.
 */
export async function recover(
  ports: Ports,
  directory: string,
  options: RecoverOptions,
  sink: ReplaySink,
  base: RecoveryBase,
): Promise<Recovered> {
  const recovery = new Recovery(ports, directory, options);
  try {
    return await recovery.run(sink, base);
  } catch (error) {
    await recovery.abandon();
    await base.clear().catch(() => {});
    if (error instanceof SyncFailure) throw error.cause;
    throw error instanceof MalformedBytes ? malformedLog(error) : error;
  }
}

class Recovery {
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #options: RecoverOptions;
  readonly #startedMs: number;
  readonly #rebuilt: string[] = [];
  readonly #warnings: string[] = [];
  readonly #quarantined: string[] = [];
  readonly #opened: { close(): Promise<void> }[] = [];
  #truncatedBytes = 0;
  /** Those that the next manifest names. */
  #checkpoints: readonly CheckpointRef[] = [];

  constructor(ports: Ports, directory: string, options: RecoverOptions) {
    this.#ports = ports;
    this.#directory = directory;
    this.#options = options;
    this.#startedMs = ports.clock.monotonicMs();
  }

  async run(sink: ReplaySink, base: RecoveryBase): Promise<Recovered> {
    const { disk } = this.#ports;
    const found = await readManifest(disk, this.#directory, false);
    const { manifest } = found;
    if (manifest === undefined) throw manifestGone(this.#directory);
    this.#rebuilt.push(...found.damaged, ...found.missing);
    const [smallFiles, names] = await sideBySide([
      readSmallFiles(disk, this.#directory, manifest.databaseId),
      disk.list(this.#directory),
    ]);
    const { watermark } = smallFiles;
    const isNew = manifest.segments.length === 0;
    if (!isNew) this.#rebuilt.push(...smallFiles.lacking);
    base.begin(manifest.databaseId, freeTreeId(names));
    const source = { disk, directory: this.#directory, manifest, watermark };
    const { log, replay, kept, ...given } = await readLog(source, sink, base);
    this.#rebuilt.push(...given.rebuilt);
    this.#warnings.push(...given.warnings);
    if (log !== undefined) this.#keep(log.file);
    this.#checkpoints = kept.map(({ ref }) => ref);

    // Everything above only read; from here on the database is ours.
    const store = await ManifestStore.open(disk, this.#directory, found);
    this.#keep(store);
    await this.#setAsideStrays(manifest, names);
    const segments = log?.segments ?? [];
    const clean = isNew || (log !== undefined && this.#isClean(log, watermark));
    const active = await this.#makeActive(store, segments, log, replay, clean);
    const keep: Keep = (file) => this.#keep(file);
    const { databaseId } = manifest;
    const small = await SmallFiles.open(disk, this.#directory, databaseId, smallFiles, keep);
    // Order: what a manifest has named goes only once no copy of it does.
    await this.#removeStrays(strayNames(names, kept));
    await disk.syncDirectory(this.#directory);
    // Order: a file without a durable name holds nothing.
    await small.fill(segments, clean && !isNew);
    const { lastLsn } = segments[segments.length - 1]!;
    const checkpointLsn = kept[0]?.checkpoint.lsn ?? 0;
    return {
      parts: {
        ports: this.#ports,
        directory: this.#directory,
        manifest: store,
        segments,
        active,
        watermark: small.watermark,
        allocation: small.allocation,
        reserve: small.reserve,
        lastLsn,
        // LSNs that a checkpoint covers are never given out, though a rollback may have taken the last of them.
        nextLsn: Math.max(lastLsn, checkpointLsn) + 1,
        lastTimeMs: segments.reduce((ms, segment) => Math.max(ms, segment.lastTimeMs), 0),
        checkpoints: new Map(kept.map(({ ref, checkpoint }) => [ref.number, checkpoint.position])),
      },
      report: this.#report(clean, checkpointLsn, lastLsn, replay.replayedEvents),
    };
  }

  /** Best effort: a file that nothing names harms nobody. */
  async #removeStrays(names: readonly string[]): Promise<void> {
    const { disk } = this.#ports;
    for (const name of names) {
      try {
        await disk.unlink(disk.join(this.#directory, name));
      } catch (error) {
        this.#warnings.push(`${name} could not be removed: ${(error as Error).message}`);
      }
    }
  }

  async abandon(): Promise<void> {
    for (const file of this.#opened) await file.close().catch(() => {});
  }

  #keep<T extends { close(): Promise<void> }>(file: T): T {
    this.#opened.push(file);
    return file;
  }

  /** Clean is what the mark of the last close describes exactly. */
  #isClean(log: ScannedLog, watermark: Watermark | undefined): boolean {
    const last = log.segments[log.segments.length - 1]!;
    return (
      watermark?.clean === true &&
      watermark.durableLsn === last.lastLsn &&
      sameHash(watermark.lastHash, last.lastHash) &&
      log.decision.action === "accept" &&
      log.scan.end === "blank" &&
      log.cutPending === undefined
    );
  }

  async #makeActive(
    store: ManifestStore,
    segments: Segment[],
    log: ScannedLog | undefined,
    replay: Replay,
    clean: boolean,
  ): Promise<ActiveSegment> {
    if (log === undefined) return await this.#firstSegment(store, segments);
    const last = segments[segments.length - 1]!;
    const end: SegmentPoint = replay.openFrom ?? pointOf(last);
    const proven = replay.proven!;
    const moves = proven.offset < end.offset && !clean;
    // Keeping a tail and moving a suffix take space; the reserve is there for that, and is filled again below.
    if (moves || log.decision.action === "cut") {
      await releaseReserve(this.#ports.disk, this.#ports.disk.join(this.#directory, FILE.reserve));
    }
    if (log.decision.action === "cut") await this.#saveTail(log, end);
    cutTo(last, end);
    if (moves) {
      return await this.#moveSuffix(store, segments, log, proven);
    }
    const active = new ActiveSegment(last, log.file, log.scan.fileBytes);
    // Order: what is cut must be durably gone before anything is appended in its place. Without a clean mark that goes
    // for what nobody sees too: a cut whose sync failed is seen, and a power cut would bring back what it took.
    if (!clean) await active.cutBack();
    await this.#finishCut(log);
    await this.#install(store, segments);
    return active;
  }

  async #saveTail(log: ScannedLog, end: SegmentPoint): Promise<void> {
    const { disk } = this.#ports;
    const bytes = log.behind.bytes + (log.scan.offset - end.offset);
    this.#truncatedBytes = bytes;
    if (bytes === 0) return;
    const name = log.segments[log.segments.length - 1]!.name;
    const kept = await quarantineTail(disk, this.#directory, log.file, name, end.offset, bytes);
    this.#quarantined.push(kept);
    await disk.syncDirectory(this.#directory);
    const dropped = log.behind.frames;
    if (dropped > 0)
      this.#warnings.push(`${dropped} frames behind a torn one were never acknowledged`);
  }

  /** The suffix above the watermark moves to a new segment before the old one is cut below it. */
  async #moveSuffix(
    store: ManifestStore,
    segments: Segment[],
    log: ScannedLog,
    proven: SegmentPoint,
  ): Promise<ActiveSegment> {
    const { disk } = this.#ports;
    const old = segments.pop()!;
    const active = await reappend({
      ports: this.#ports,
      directory: this.#directory,
      databaseId: store.current.databaseId,
      segmentId: store.current.nextSegmentId,
      segmentBytes: this.#options.segmentBytes,
      from: log.file,
      old,
      proven,
    });
    this.#keep(active.file);
    const empty = proven.frameCount === 0;
    cutTo(old, proven);
    if (!empty) {
      old.state = SEGMENT_STATE.cutPending;
      segments.push(old);
    }
    segments.push(active.segment);
    await this.#install(store, segments, active.segment.id + 1);
    // Order: only now that the manifest names the copy may the old bytes go.
    if (empty) {
      await log.file.close();
      // A refusal leaves what a crash right here leaves; to fail for it would make another copy at each opening.
      await this.#removeStrays([old.name]);
      await disk.syncDirectory(this.#directory);
    } else {
      await new ActiveSegment(old, log.file, log.scan.fileBytes).seal();
      await log.file.close();
    }
    await this.#finishCut(log);
    await this.#install(store, segments);
    return active;
  }

  /** Completes a cut that an earlier recovery had announced in the manifest but not finished. */
  async #finishCut(log: ScannedLog): Promise<void> {
    const segment = log.cutPending;
    if (segment === undefined) return;
    const { disk } = this.#ports;
    const file = await disk.open(disk.join(this.#directory, segment.name), "write");
    try {
      await new ActiveSegment(segment, file, await file.size()).seal();
    } finally {
      await file.close();
    }
  }

  async #firstSegment(store: ManifestStore, segments: Segment[]): Promise<ActiveSegment> {
    const { databaseId, nextSegmentId } = store.current;
    const segment = new Segment(nextSegmentId, 1, 1);
    const active = await ActiveSegment.create(
      this.#ports,
      this.#directory,
      segment,
      databaseId,
      zeroHash,
      this.#options.segmentBytes,
    );
    this.#keep(active.file);
    segments.push(segment);
    await this.#install(store, segments, segment.id + 1);
    return active;
  }

  /** Installs the segments as they now are, under a new epoch that fences older writers off. */
  async #install(
    store: ManifestStore,
    segments: readonly Segment[],
    nextId?: number,
  ): Promise<void> {
    await store.edit(({ epoch, nextSegmentId }) => ({
      epoch: epoch + 1,
      nextSegmentId: nextId ?? nextSegmentId,
      segments: segments.map((segment) => segment.toManifest()),
      checkpoints: this.#checkpoints,
    }));
  }

  async #setAsideStrays(manifest: Manifest, names: readonly string[]): Promise<void> {
    const { disk } = this.#ports;
    const named = new Set(
      manifest.segments.map((s) => new Segment(s.id, s.generation, s.baseLsn).name),
    );
    for (const name of [...names].sort()) {
      const found = parseSegmentFileName(name);
      if (found === undefined || named.has(name)) continue;
      if (isLeftover(manifest, found)) {
        await this.#removeStrays([name]);
        continue;
      }
      // Nothing is acknowledged in a segment before the manifest names it: this one holds no more
      // than a copy, or what a roll had begun.
      this.#quarantined.push(await quarantineFile(disk, this.#directory, name));
      this.#warnings.push(`segment ${name} is not named by the manifest`);
    }
  }

  #report(
    clean: boolean,
    checkpointLsn: number,
    lastLsn: number,
    replayedEvents: number,
  ): RecoveryReport {
    return {
      clean,
      checkpointLsn,
      lastLsn,
      replayedEvents,
      truncatedBytes: this.#truncatedBytes,
      quarantined: this.#quarantined,
      rebuilt: this.#rebuilt,
      elapsedMs: this.#ports.clock.monotonicMs() - this.#startedMs,
      warnings: this.#warnings,
    };
  }
}

/** Whoever asked for a recovery has seen it. */
function manifestGone(directory: string): VarveError {
  return new VarveError("CORRUPT", `both copies of the manifest in ${directory} are gone`, {
    details: { file: FILE.manifestA, otherFile: FILE.manifestB, directory },
  });
}

function malformedLog(cause: MalformedBytes): VarveError {
  return new VarveError(
    "CORRUPT",
    `a frame with a sound checksum makes no sense: ${cause.message}`,
    {
      cause,
    },
  );
}
