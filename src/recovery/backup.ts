// Copies the durable log of a database into a directory that is a database itself at every moment, or none yet.
import { VarveError } from "../codec/errors.ts";
import type { Ports } from "../disk/ports.ts";
import { getHash, type Hash64, sameHash } from "../log/fields.ts";
import { FILE, isOwnFile, parseSegmentFileName, segmentFileName } from "../log/file-names.ts";
import { type Manifest, type ManifestSegment, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { ManifestStore } from "../log/manifest-store.ts";
import { Segment } from "../log/segment.ts";
import { encodeSegmentHeader } from "../log/segment-codec.ts";
import { openOrMakeAnew } from "../log/small-file.ts";
import {
  readWatermark,
  WatermarkFile,
  watermarkFileBytes,
  watermarkFileWith,
} from "../log/watermark.ts";
import {
  type BackupSource,
  checkCopied,
  type PlannedSegment,
  readSource,
} from "./backup-source.ts";
import { type BackupTarget, planSegments, readTarget, type SegmentPlan } from "./backup-target.ts";
import { copyRange, createAnew, type Pace } from "./copy-file.ts";

/** What a backup did. */
export interface BackupReport {
  /** The state that the copy holds: every transaction up to here, and none behind. */
  readonly lsn: number;
  readonly copiedBytes: number;
  /** Bytes of what was there already. */
  readonly reusedBytes: number;
  /** Files written, or written on. */
  readonly files: number;
}

/** Segments of copies that take appends get generations from here on: names that no segment of the original has. */
const ownGenerationMin = 1000;
/** So often a segment may be replaced by compaction while it is copied. */
const attemptsMax = 5;

/**
 * Brings the backup in `directory` up to what is durable in `sourceDirectory`, or makes it. The caller has checked that the one is
 * not within the other.
 *
 * @param prove makes durable in the source's watermark what was read there just before.
 * @throws {VarveError} EXISTS, NOT_A_DATABASE, LOCKED for the directory; CORRUPT for a segment that is damaged here or there;
 *   DISK_FULL, IO. Then the backup that was there is there still.
 */
export async function backUp(
  ports: Ports,
  sourceDirectory: string,
  directory: string,
  pace: Pace,
  prove: () => Promise<void> = async () => {},
): Promise<BackupReport> {
  const { disk } = ports;
  const run = new BackupRun(ports, directory, pace);
  for (let attempt = 1; ; attempt++) {
    const source = await readSource(disk, sourceDirectory);
    // Order: else a power cut could have recovery move what the copy has of a segment, and the next backup would find no common end.
    await prove();
    const target = await readTarget(disk, directory, source.manifest.databaseId);
    try {
      return await run.locked(source, target);
    } catch (error) {
      const isReplaced = error instanceof VarveError && error.code === "NOT_FOUND";
      if (!isReplaced || attempt === attemptsMax) throw error;
    }
  }
}

class BackupRun {
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #pace: Pace;
  /** Segments that this run has copied and no manifest names yet, by name. */
  readonly #copied: Map<string, Hash64> = new Map();
  #copiedBytes = 0;
  #reusedBytes = 0;
  #files = 0;

  constructor(ports: Ports, directory: string, pace: Pace) {
    this.#ports = ports;
    this.#directory = directory;
    this.#pace = pace;
  }

  async locked(source: BackupSource, target: BackupTarget): Promise<BackupReport> {
    const { disk } = this.#ports;
    if ((await disk.stat(this.#directory)) === undefined) {
      await disk.makeDirectory(this.#directory);
    }
    // Also where it is there: a run that was broken off may have made it, and nobody else ever syncs its name.
    if (target.found === undefined) await disk.syncDirectory(disk.dirname(this.#directory));
    const lock = await disk.lock(this.#directory, "varve backup");
    try {
      this.#reusedBytes = 0;
      if (target.found === undefined) await this.#first(source);
      else await this.#next(source, target.found.manifest!);
      const { lastLsn: lsn } = source;
      const [copiedBytes, reusedBytes] = [this.#copiedBytes, this.#reusedBytes];
      return { lsn, copiedBytes, reusedBytes, files: this.#files };
    } finally {
      await lock.release();
    }
  }

  /**
   * Order: a sign that nothing here is whole, then the segments, then their names, and only then a manifest. Until that is there the
   * directory does not open.
   */
  async #first(source: BackupSource): Promise<void> {
    const { disk } = this.#ports;
    await this.#sign();
    const kept = new Set<string>([FILE.backup, FILE.lock, ...this.#copied.keys()]);
    for (const name of await disk.list(this.#directory)) {
      if (isOwnFile(name) && !kept.has(name)) await disk.unlink(this.#path(name));
    }
    await this.#copyFresh(source, source.segments);
    const manifest = await this.#manifestFor(source);
    await disk.syncDirectory(this.#directory);
    const store = await ManifestStore.create(disk, this.#directory, manifest);
    await store.close();
    await disk.syncDirectory(this.#directory);
    await this.#finish(source, manifest);
  }

  async #sign(): Promise<void> {
    const { disk } = this.#ports;
    if ((await disk.stat(this.#path(FILE.backup))) === undefined) {
      const file = await disk.open(this.#path(FILE.backup), "create");
      await file.close();
    }
    await disk.syncDirectory(this.#directory);
  }

  /**
   * Order: what the old manifest names is not changed, but behind the end that it names; the new one is written when all that it names is
   * durable; what only the old one named goes last.
   */
  async #next(source: BackupSource, old: Manifest): Promise<void> {
    const { disk } = this.#ports;
    const plan = await planSegments(disk, source, this.#directory, old);
    for (const { entry } of plan.reused) this.#reusedBytes += entry.dataEnd;
    const isCurrent = plan.fresh.length === 0 && plan.grown === undefined;
    if (isCurrent && plan.reused.length === old.segments.length - 1) {
      await this.#finish(source, old);
      return;
    }
    const { databaseId } = old;
    const findings = await readTarget(disk, this.#directory, databaseId);
    const store = await ManifestStore.open(disk, this.#directory, findings.found!);
    try {
      await this.#grow(source, store, plan);
      await this.#copyFresh(source, plan.fresh);
      const manifest = await this.#manifestFor(source, store.current);
      await disk.syncDirectory(this.#directory);
      await store.edit(() => manifest);
    } finally {
      await store.close();
    }
    await this.#finish(source, await this.#current(databaseId));
  }

  async #current(databaseId: Uint8Array): Promise<Manifest> {
    const { found } = await readTarget(this.#ports.disk, this.#directory, databaseId);
    return found!.manifest!;
  }

  /** Goes on with the segment that the old backup ends in, once the manifest says where it ends whatever lies behind. */
  async #grow(source: BackupSource, store: ManifestStore, { grown }: SegmentPlan): Promise<void> {
    if (grown === undefined) return;
    const { from, to } = grown;
    this.#reusedBytes += from.dataEnd;
    if (from.state !== SEGMENT_STATE.cutPending) {
      await store.edit(({ segments }) => ({
        segments: segments.map((entry) =>
          entry.id === from.id ? { ...entry, state: SEGMENT_STATE.cutPending } : entry,
        ),
      }));
    }
    await this.#copy(source, to, from.dataEnd);
  }

  async #copyFresh(source: BackupSource, segments: readonly PlannedSegment[]): Promise<void> {
    for (const planned of segments) {
      const done = this.#copied.get(planned.name);
      if (done !== undefined && sameHash(done, planned.entry.closingHash)) continue;
      this.#copied.delete(planned.name);
      await this.#copy(source, planned, 0);
      this.#copied.set(planned.name, planned.entry.closingHash);
    }
  }

  /** Copies a segment from `from` on, ends it as the copy is to end, makes it durable, and reads it back. */
  async #copy(source: BackupSource, planned: PlannedSegment, from: number): Promise<void> {
    const { disk } = this.#ports;
    const { name, entry, footer } = planned;
    const original = await disk.open(disk.join(source.directory, name), "read");
    try {
      const path = this.#path(name);
      const copy = from === 0 ? await createAnew(disk, path) : await disk.open(path, "write");
      try {
        const end = footer === undefined ? await original.size() : entry.dataEnd;
        await copyRange(original, copy, from, end, this.#pace);
        if (footer !== undefined) copy.writeSync(footer, end);
        const bytes = end + (footer?.length ?? 0);
        await copy.truncate(bytes);
        await copy.sync();
        this.#copiedBytes += bytes - from;
        this.#files++;
      } finally {
        await copy.close();
      }
    } finally {
      await original.close();
    }
    await checkCopied(disk, this.#directory, source.manifest.databaseId, planned);
  }

  /** The manifest of the copy: the segments, all sealed, and behind them an empty one that takes appends once the copy is opened. */
  async #manifestFor(source: BackupSource, old?: Manifest): Promise<Manifest> {
    const { databaseId, createdMs, nextSegmentId } = source.manifest;
    const id = Math.max(nextSegmentId, old?.nextSegmentId ?? 1);
    const active = await this.#createActive(source, id);
    return {
      databaseId,
      edit: (old?.edit ?? 0) + 1,
      epoch: old?.epoch ?? 0,
      nextSegmentId: id + 1,
      createdMs,
      segments: [...source.segments.map(({ entry }) => entry), active],
      checkpoints: old !== undefined && keepsSegments(source, old) ? old.checkpoints : [],
    };
  }

  async #createActive(source: BackupSource, id: number): Promise<ManifestSegment> {
    const { disk, random, clock } = this.#ports;
    const baseLsn = source.lastLsn + 1;
    let generation = ownGenerationMin;
    const names = new Set(await disk.list(this.#directory));
    while (names.has(segmentFileName(baseLsn, generation))) generation++;
    const file = await disk.open(this.#path(segmentFileName(baseLsn, generation)), "create");
    try {
      const page = encodeSegmentHeader({
        databaseId: source.manifest.databaseId,
        segmentId: id,
        generation,
        nonce: getHash(random.bytes(8), 0),
        baseLsn,
        previousHash: source.lastHash,
        createdMs: clock.wallMs(),
      });
      file.writeSync(page, 0);
      await file.sync();
      this.#copiedBytes += page.length;
      this.#files++;
    } finally {
      await file.close();
    }
    return new Segment(id, generation, baseLsn).toManifest();
  }

  /** The manifest is there: the watermark follows it, because it proves what the log has; then what nothing names goes. */
  async #finish(source: BackupSource, manifest: Manifest): Promise<void> {
    const { disk } = this.#ports;
    await this.#mark(source, manifest.databaseId);
    const named = new Set(manifest.segments.map(nameOf));
    for (const name of await disk.list(this.#directory)) {
      const isStray = parseSegmentFileName(name) !== undefined && !named.has(name);
      if (isStray) await disk.unlink(this.#path(name));
    }
    if ((await disk.stat(this.#path(FILE.backup))) !== undefined) {
      await disk.unlink(this.#path(FILE.backup));
    }
    await disk.syncDirectory(this.#directory);
  }

  async #mark(source: BackupSource, databaseId: Uint8Array): Promise<void> {
    const { disk } = this.#ports;
    const { lastLsn, lastHash } = source;
    const { watermark, damaged } = await readWatermark(disk, this.#directory, databaseId);
    const isSame = watermark?.durableLsn === lastLsn && sameHash(watermark.lastHash, lastHash);
    if (isSame && !damaged && watermark.clean) return;
    const file = await openOrMakeAnew(disk, this.#path(FILE.watermark), watermark !== undefined);
    try {
      if (watermark === undefined) await disk.syncDirectory(this.#directory);
      if (damaged) {
        file.writeSync(watermarkFileWith(databaseId, watermark), 0);
        await file.truncate(watermarkFileBytes);
      }
      const mark = new WatermarkFile(file, databaseId, watermark?.sequence ?? 0);
      mark.write(lastLsn, lastHash, true);
      await mark.sync();
    } finally {
      await file.close();
    }
  }

  #path(name: string): string {
    return this.#ports.disk.join(this.#directory, name);
  }
}

/** Whether every place in the old log is the same place in the new one: then what was made of the one goes for the other. */
function keepsSegments({ segments }: BackupSource, old: Manifest): boolean {
  const names = new Set(segments.map(({ name }) => name));
  const sealed = old.segments.filter(({ state }) => state !== SEGMENT_STATE.active);
  return sealed.every((entry) => names.has(nameOf(entry)));
}

function nameOf({ baseLsn, generation }: ManifestSegment): string {
  return segmentFileName(baseLsn, generation);
}
