// Puts new generations of sealed segments in the place of old ones: what is durable in which order before a manifest names them.
import { VarveError } from "../codec/errors.ts";
import type { Ports } from "../disk/ports.ts";
import { zeroHash } from "./fields.ts";
import { erasedLsnOf, horizonOf } from "./manifest-codec.ts";
import type { ManifestStore } from "./manifest-store.ts";
import type { Segment } from "./segment.ts";
import { SegmentDraft } from "./segment-draft.ts";
import type { SegmentFiles } from "./segment-files.ts";
import type { SegmentView } from "./segment-view.ts";

/** What rewriting needs of the log around it. */
export interface RewritingHost {
  readonly ports: Ports;
  readonly directory: string;
  readonly manifest: ManifestStore;
  /** As the log reads them: entries are replaced here. */
  readonly segments: Segment[];
  readonly files: SegmentFiles;
  /** Throws once the log is poisoned or closed. */
  requireSound(): void;
  /** A sync of the directory failed: names made before it may be lost however often it is synced again. */
  namesLost(): void;
  /** What is on disk of the manifest, or of names, is unknown. */
  poisonWith(cause: unknown): VarveError;
  flushAllocation(): Promise<unknown>;
  roll(): Promise<void>;
  passed(): number;
  endSegment(): void;
}

/** Segments in which there was nothing to drop, and as of which LSN. */
export interface CleanSegment {
  readonly id: number;
  readonly horizon: number;
  readonly erasedLsn: number;
}

export class SegmentRewriting {
  /** As `Log.horizon`. */
  horizon: number;
  /** As `Log.erasedLsn`. */
  erasedLsn: number;
  readonly #host: RewritingHost;
  /** Files that are replaced, by name, until nobody reads the log's files by their names. */
  #retired: string[] = [];
  #holds = 0;

  constructor(host: RewritingHost) {
    this.#host = host;
    this.horizon = horizonOf(host.segments);
    this.erasedLsn = erasedLsnOf(host.segments);
  }

  /** Replaced files that somebody may still open. */
  get retiredCount(): number {
    return this.#retired.length;
  }

  /** How many segments, from the first on, may be rewritten: those that a replay behind any checkpoint passes over. */
  get passed(): number {
    return this.#host.passed();
  }

  /** Seals the active segment, unless it holds no events. */
  roll(): Promise<void> {
    return this.#host.roll();
  }

  /** The next transaction accepted begins a new segment, so that what came before it is in sealed ones. */
  endSegment(): void {
    this.#host.endSegment();
  }

  /** Begins the file that takes the place of neighbours; finish it and install it, or abandon it. */
  async begin(
    views: readonly SegmentView[],
    horizon: number,
    erasedLsn: number,
  ): Promise<SegmentDraft> {
    const { ports, directory, manifest, segments } = this.#host;
    this.#host.requireSound();
    manifest.requireOwnEpoch();
    const at = segments.findIndex(({ id }) => id === views[0]!.id);
    const olds = at < 0 ? [] : segments.slice(at, at + views.length);
    const isAsSeen = views.every(
      ({ id, generation }, i) => olds[i]?.id === id && olds[i].generation === generation,
    );
    if (!isAsSeen) throw replaced(views[0]!.name);
    return await SegmentDraft.create({
      ports,
      directory,
      databaseId: manifest.current.databaseId,
      olds,
      previousHash: segments[at - 1]?.closingHash ?? zeroHash,
      horizon: olds.reduce((lsn, old) => Math.max(lsn, old.horizon), horizon),
      erasedLsn: Math.max(erasedLsn, Math.min(...olds.map((old) => old.erasedLsn))),
    });
  }

  /**
   * Installs finished drafts, all of them or none. Order: their contents are durable, then their names, and only then does
   * the manifest name them, in one edit; the old files go once it does. A failure before the manifest changes nothing; one in
   * the manifest, or in the sync of the names, poisons the log.
   */
  async install(drafts: readonly SegmentDraft[], clean: readonly CleanSegment[]): Promise<void> {
    const { manifest } = this.#host;
    this.#host.requireSound();
    for (const old of drafts.flatMap(({ olds }) => olds)) {
      if (!this.#host.segments.includes(old)) throw replaced(old.name);
    }
    if (drafts.length > 0) await this.#syncNames();
    this.#host.requireSound();
    const entries = new Map(drafts.map(({ segment }) => [segment.id, segment.toManifest()]));
    const gone = new Set(drafts.flatMap(({ olds }) => olds.map(({ id }) => id)));
    const horizons = new Map(clean.map((each) => [each.id, each]));
    try {
      await manifest.edit((current) => {
        manifest.requireOwnEpoch();
        const segments = current.segments.flatMap((entry) => {
          const rewritten = entries.get(entry.id);
          if (rewritten !== undefined) return [rewritten];
          return gone.has(entry.id) ? [] : [{ ...entry, ...horizons.get(entry.id) }];
        });
        return { segments };
      });
    } catch (error) {
      throw this.#host.poisonWith(error);
    }
    this.#swap(drafts, horizons);
    await this.#removeRetired();
    await this.#host.flushAllocation();
  }

  /** Whoever reads the files of the log by their names holds them meanwhile: those that are replaced stay there until then. */
  hold(): () => void {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds--;
      void this.#removeRetired();
    };
  }

  #swap(drafts: readonly SegmentDraft[], clean: ReadonlyMap<number, CleanSegment>): void {
    const { segments, files } = this.#host;
    for (const { olds, segment } of drafts) {
      segments.splice(segments.indexOf(olds[0]!), olds.length, segment);
      for (const old of olds) {
        files.forget(old);
        this.#retired.push(old.name);
      }
    }
    for (const segment of segments) {
      const found = clean.get(segment.id);
      if (found === undefined) continue;
      segment.horizon = found.horizon;
      segment.erasedLsn = found.erasedLsn;
    }
    this.horizon = horizonOf(segments);
    this.erasedLsn = erasedLsnOf(segments);
  }

  async #syncNames(): Promise<void> {
    const { ports, directory } = this.#host;
    try {
      await ports.disk.syncDirectory(directory);
    } catch (error) {
      // Other names, of trees or of a new segment, may have been under way in the same sync.
      this.#host.namesLost();
      throw this.#host.poisonWith(error);
    }
  }

  /** Removes what could not be removed when it was replaced; resolves to how many files are left. */
  async removeLeft(): Promise<number> {
    await this.#removeRetired();
    return this.#retired.length;
  }

  /** Best effort: what stays is named by nothing, and the next open removes it. */
  async #removeRetired(): Promise<void> {
    if (this.#holds > 0) return;
    const { ports, directory, manifest } = this.#host;
    for (const name of this.#retired.splice(0)) {
      try {
        // The file of another writer may have this name by now.
        manifest.requireOwnEpoch();
        await ports.disk.unlink(ports.disk.join(directory, name));
      } catch (error) {
        if (!isMissing(error)) this.#retired.push(name);
      }
    }
  }
}

function replaced(name: string): VarveError {
  return new VarveError("CONFLICT", `${name} is not the segment's newest generation any more`, {
    details: { file: name },
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof VarveError && error.code === "NOT_FOUND";
}
