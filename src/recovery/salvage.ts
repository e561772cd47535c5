// Makes a damaged log one that opens again: keeps every whole transaction that makes sense, says exactly what is lost, and sets
// aside what it replaces.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { Disk, Ports } from "../disk/ports.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { EventReader } from "../log/event-reader.ts";
import { type Hash64, zeroHash } from "../log/fields.ts";
import { FILE } from "../log/file-names.ts";
import {
  compactedToOf,
  type Manifest,
  type ManifestSegment,
  SEGMENT_STATE,
} from "../log/manifest-codec.ts";
import { ManifestStore, readManifest } from "../log/manifest-store.ts";
import { NameTable } from "../log/name-table.ts";
import { releaseReserve } from "../log/reserve.ts";
import type { Segment } from "../log/segment.ts";
import { openOrMakeAnew } from "../log/small-file.ts";
import { readWatermark, watermarkFileBytes, watermarkFileWith } from "../log/watermark.ts";
import { CompactedThings } from "./compacted-things.ts";
import { quarantineCopy, quarantineText } from "./quarantine.ts";
import { readCheckpoints } from "./recovery-base.ts";
import { Replay, type ReplaySink } from "./replay.ts";
import { isScoped, type SalvagedName } from "./salvage-graph.ts";
import { type ReadSegment, SalvageReading } from "./salvage-reading.ts";
import { describeLoss, joinRanges, type SalvageReport } from "./salvage-report.ts";
import { type ListedLog, listSegments } from "./salvage-segments.ts";
import { SalvageWriter } from "./salvage-writer.ts";
import { readSegments } from "./scan-log.ts";

export interface SalvageOptions {
  readonly segmentBytes: number;
  /** Only says what would be done: nothing is changed. */
  readonly dryRun: boolean;
}

/** State that is made from events is made anew from what is kept of them. */
const projectionState: RegExp = /^projection(?:\0|\.out )/;

/**
 * The caller holds the lock, unless it only asks. Behind this the database opens as any other: what was replaced is set aside there.
 *
 * @throws {VarveError} CORRUPT where there is nothing to begin with; FORMAT_UNSUPPORTED; DISK_FULL, IO.
 */
export async function salvage(
  ports: Ports,
  directory: string,
  options: SalvageOptions,
): Promise<SalvageReport> {
  const { disk } = ports;
  const log = await listSegments(disk, directory);
  if (log.isRestored && !options.dryRun) await restore(disk, directory, log);
  const events = await soundEvents(disk, directory, log.manifest);
  if (events === undefined) return await new Salvage(ports, directory, log, options).run();
  const sound = !log.isRestored;
  const warnings = sound ? [] : [restoredWarning];
  return { sound, lost: [], damaged: sound ? [] : log.damaged, warnings, ...events };
}

const restoredWarning = "both copies of the manifest were lost; the segments' headers say the same";

/** Writes the manifest that the headers make: whatever is written behind it is no part of it before it says so. */
async function restore(
  disk: Disk,
  directory: string,
  { manifest, damaged }: ListedLog,
): Promise<void> {
  for (const name of damaged) await quarantineCopy(disk, directory, name);
  const text = JSON.stringify({ restored: damaged }, null, 2);
  await quarantineText(disk, directory, "salvage", text);
  await disk.syncDirectory(directory);
  const store = await ManifestStore.create(disk, directory, manifest);
  await store.close();
  await disk.syncDirectory(directory);
}

/** How many events a log has in which nothing is amiss; undefined where something is. */
async function soundEvents(
  disk: Disk,
  directory: string,
  manifest: Manifest,
): Promise<{ events: number; lastLsn: number } | undefined> {
  const { watermark } = await readWatermark(disk, directory, manifest.databaseId);
  const replay = new Replay(checkingSink(), watermark);
  try {
    const log = await readSegments(disk, directory, manifest, watermark, replay);
    await log?.file.close();
    const last = log?.segments[log.segments.length - 1];
    return { events: replay.replayedEvents, lastLsn: last?.lastLsn ?? 0 };
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    const isDamage =
      error instanceof VarveError && ["CORRUPT", "IO", "NOT_FOUND"].includes(error.code);
    if (isDamage) return undefined;
    throw error;
  }
}

function checkingSink(): ReplaySink {
  const index = new GraphIndex(new NameTable());
  const reader = new EventReader();
  return {
    apply(bytes, from, to, firstLsn) {
      index.apply(bytes, from, to, firstLsn);
      reader.open(bytes, from, to, firstLsn);
      while (reader.skip());
      return reader.nextLsn;
    },
  };
}

class Salvage {
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #log: ListedLog;
  readonly #options: SalvageOptions;
  /** Segments that stay as they are. */
  readonly #standing: ManifestSegment[] = [];
  #rewrites = false;
  #writer: SalvageWriter | undefined;
  /** Names with numbers up to this one are defined in what is written. */
  #namesWritten = 0;

  constructor(ports: Ports, directory: string, log: ListedLog, options: SalvageOptions) {
    this.#ports = ports;
    this.#directory = directory;
    this.#log = log;
    this.#options = options;
  }

  async run(): Promise<SalvageReport> {
    const { disk } = this.#ports;
    const { manifest } = this.#log;
    const { watermark } = await readWatermark(disk, this.#directory, manifest.databaseId);
    let proven = watermark?.durableLsn ?? 0;
    for (const { durableLsn } of manifest.checkpoints) proven = Math.max(proven, durableLsn);
    const reading = await this.#reading(proven);
    if (!this.#options.dryRun) {
      await releaseReserve(disk, disk.join(this.#directory, FILE.reserve));
    }
    try {
      for await (const segment of reading.segments()) {
        const stays = segment.isIntact && !this.#rewrites && !segment.listed.isLast;
        if (stays) this.#keep(segment);
        else await this.#rewrite(segment, reading);
      }
      const report = this.#report(reading);
      if (!this.#options.dryRun) await this.#install(reading, report, watermark?.sequence ?? 0);
      return report;
    } finally {
      await this.#writer?.close();
    }
  }

  /** A reading to come that knows what the whole of a compacted region makes of each event in it. */
  async #reading(proven: number): Promise<SalvageReading> {
    const { disk } = this.#ports;
    const things = new CompactedThings();
    const begin = async (): Promise<SalvageReading> => {
      const reading = new SalvageReading(disk, this.#directory, this.#log, proven, things);
      await this.#noteSavedNames(reading);
      return reading;
    };
    if (compactedToOf(this.#log.manifest.segments) === 0) return await begin();
    do {
      for await (const _ of (await begin()).segments());
    } while (!things.endReading());
    return await begin();
  }

  /** Checkpoints know names whose definitions may be lost. */
  async #noteSavedNames({ graph }: SalvageReading): Promise<void> {
    const { manifest } = this.#log;
    const { candidates } = await readCheckpoints(this.#ports.disk, this.#directory, manifest);
    for (const { checkpoint } of candidates) {
      const { names, scopedNames } = checkpoint;
      for (const [i, name] of names.entries()) graph.names.set(i + 1, { name, kind: 0, scope: 0 });
      for (const { number, kind, scope } of scopedNames) {
        graph.names.set(number, { name: names[number - 1]!, kind, scope });
      }
    }
  }

  #keep({ listed, kept }: ReadSegment): void {
    this.#standing.push({ ...listed.entry, state: SEGMENT_STATE.sealed });
    for (const { nameMax } of kept) this.#namesWritten = Math.max(this.#namesWritten, nameMax);
  }

  async #rewrite({ bytes, kept, listed }: ReadSegment, { graph }: SalvageReading): Promise<void> {
    this.#rewrites = true;
    if (this.#options.dryRun) return;
    const writer = this.#writing();
    await writer.continueAs(listed.entry);
    for (const { transaction, nameMax } of kept) {
      await this.#writeNames(writer, graph.names, nameMax, transaction.firstLsn);
      await writer.add(bytes, transaction);
    }
  }

  #writing(): SalvageWriter {
    const { databaseId, nextSegmentId } = this.#log.manifest;
    const previousHash: Hash64 = this.#standing[this.#standing.length - 1]?.closingHash ?? zeroHash;
    this.#writer ??= new SalvageWriter(
      this.#ports,
      this.#directory,
      databaseId,
      this.#options.segmentBytes,
      nextSegmentId,
      previousHash,
    );
    return this.#writer;
  }

  /** A name's number is that of its definition: one that is lost is stood for, so that those behind it keep theirs. */
  async #writeNames(
    writer: SalvageWriter,
    names: ReadonlyMap<number, SalvagedName>,
    nameMax: number,
    lsn: number,
  ): Promise<void> {
    const due: [number, SalvagedName][] = [];
    while (this.#namesWritten < nameMax) {
      const number = ++this.#namesWritten;
      const name = names.get(number);
      due.push([number, name !== undefined && isScoped(name, names) ? name : lostName(number)]);
    }
    if (due.length > 0) await writer.addSystem(lsn, due);
  }

  #report(reading: SalvageReading): SalvageReport {
    const { damaged, warnings, events, lastLsn } = reading;
    const lost = joinRanges(reading.lost);
    const files = [...this.#log.damaged, ...damaged];
    return {
      sound: false,
      lost,
      damaged: files,
      warnings: [...lost.map(describeLoss), ...warnings],
      events,
      lastLsn,
    };
  }

  /**
   * Order: what is written is durable, then the report is, then the manifest names it, and the watermark follows. A crash in between
   * leaves a log that is to be salvaged again, and what is set aside.
   */
  async #install(reading: SalvageReading, report: SalvageReport, sequence: number): Promise<void> {
    const { disk } = this.#ports;
    const directory = this.#directory;
    const writer = this.#writing();
    const { graph, lastLsn } = reading;
    const projected = [...graph.states].filter((name) => projectionState.test(name));
    if (reading.lost.length > 0 && projected.length > 0) {
      await writer.addSystem(lastLsn + 1, [], projected);
    }
    const active = await writer.finish(lastLsn + 1);
    await quarantineText(disk, directory, "salvage", JSON.stringify(report, null, 2));
    await disk.syncDirectory(directory);
    await this.#name([...writer.sealed, active], writer.nextId);
    // The mark names a frame: where nothing was written, the last one of what stands, which compaction may have written.
    const last = writer.sealed.length > 0 ? active : this.#standing[this.#standing.length - 1];
    await this.#mark(active.baseLsn - 1, last?.lastHash ?? zeroHash, sequence);
  }

  async #name(written: readonly Segment[], nextSegmentId: number): Promise<void> {
    const { disk } = this.#ports;
    const segments = [...this.#standing, ...written.map((segment) => segment.toManifest())];
    const found = await readManifest(disk, this.#directory, false);
    const store = await ManifestStore.open(disk, this.#directory, found);
    try {
      await store.edit(({ epoch }) => ({
        segments,
        nextSegmentId,
        checkpoints: [],
        epoch: epoch + 1,
      }));
    } finally {
      await store.close();
    }
  }

  async #mark(durableLsn: number, lastHash: Hash64, sequence: number): Promise<void> {
    const { disk } = this.#ports;
    const path = disk.join(this.#directory, FILE.watermark);
    const file = await openOrMakeAnew(disk, path, sequence > 0);
    try {
      if (sequence === 0) await disk.syncDirectory(this.#directory);
      const mark = { sequence: sequence + 1, durableLsn, lastHash, clean: false };
      file.writeSync(watermarkFileWith(this.#log.manifest.databaseId, mark), 0);
      await file.truncate(watermarkFileBytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** What stands for a name that is lost. */
function lostName(number: number): SalvagedName {
  return { name: `\0lost ${number}`, kind: 0, scope: 0 };
}
