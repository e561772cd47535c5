// Compaction of a log: which sealed segments are worth rewriting as of a horizon, and rewriting them, all of a choice or none.
import { VarveError } from "../codec/errors.ts";
import type { Ports } from "../disk/ports.ts";
import type { GraphTrees } from "../index/graph-trees.ts";
import type { Log } from "../log/log.ts";
import type { SegmentDraft } from "../log/segment-draft.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import type { CleanSegment, SegmentRewriting } from "../log/segment-rewriting.ts";
import type { SegmentView } from "../log/segment-view.ts";
import { chooseJoin, chooseNext, eligibleSegments, joinBytesMax } from "./choose-segments.ts";
import { Coverage } from "./coverage.ts";
import { FrameBuilder, type FrameOutput } from "./frame-builder.ts";
import { type ErasedNodes, RecordRewriter } from "./record-rewriter.ts";
import { RemoteFailure, type RemotePass } from "./remote-pass.ts";
import type { PassResult } from "./rewrite-messages.ts";
import { passSegment } from "./segment-pass.ts";
import { StateLookup } from "./state-lookup.ts";

export interface CompactorParts {
  readonly ports: Ports;
  readonly directory: string;
  readonly log: Log;
  /** How large a segment may get. */
  readonly segmentBytes: number;
  /** Nodes and edges now. */
  liveCount(): number;
  /** Everything at or below the horizon has to be applied to it. */
  readonly index: GraphTrees;
  /** The value of a name of the system state as of what is durable. */
  durableState(name: string): unknown;
  /** Throws while the index cannot be asked: it is being made anew, say. */
  requireIndex(): void;
  /** Reads and judges in the place of this thread, where it can. */
  readonly remote?: RemotePass | undefined;
}

/** How a piece of work is to go on. */
export interface CompactionWork {
  readonly signal?: AbortSignal | undefined;
  /** Waits until so many bytes more may be read or written. */
  pace?(bytes: number): Promise<void> | undefined;
  /** Waits behind a slice that took so long; without it others get one turn. */
  rest?(ms: number): Promise<void>;
  /** Called right before what was rewritten takes the place of the old; throws where it must not any more. */
  beforeInstall?(): void;
}

/** Segments that are rewritten together. */
export interface SegmentChoice {
  /** As the log has them now; a choice is of no use once one of them was replaced. */
  readonly segments: readonly SegmentView[];
  readonly horizon: number;
  readonly erased: ErasedNodes | undefined;
  /** Whether they are neighbours that become one. */
  readonly isJoined: boolean;
  /** Bytes of their frames. */
  readonly bytes: number;
}

export interface Rewritten {
  readonly freedBytes: number;
  /** Events that became gaps. */
  readonly droppedEvents: number;
  /** Segments replaced; the others of the choice had nothing to drop. */
  readonly segments: number;
}

/** What a segment had when it was rewritten. */
interface Counted {
  readonly horizon: number;
  /** Events that stayed. */
  readonly keptEvents: number;
  /** How many had been superseded up to then: most of these are gone. */
  readonly superseded: number;
}

/** A segment with a larger share of events that only a rewrite makes whole is rewritten at once. */
const unfoldedShareMax = 1 / 16;
/** For each thing that is live: so far the horizon moves before a segment is looked through again whatever it has. */
const staleShare = 2;

export class Compactor {
  readonly #parts: CompactorParts;
  readonly #states: StateLookup;
  readonly #rewriting: SegmentRewriting;
  /** By id, of segments rewritten or looked through since the open. */
  readonly #counted: Map<number, Counted> = new Map();
  /** Of what stands behind this LSN all counts are known. */
  readonly #openedLsn: number;

  /** @throws `TypeError` for a log that nothing is written to. */
  constructor(parts: CompactorParts) {
    const { rewriting } = parts.log;
    if (rewriting === undefined) throw new TypeError("a log that is only read is not compacted");
    this.#parts = parts;
    this.#rewriting = rewriting;
    this.#openedLsn = parts.log.acceptedLsn;
    this.#states = new StateLookup((name) => parts.durableState(name));
  }

  /** How many segments, from the first on, a replay behind any checkpoint passes over. */
  get passed(): number {
    return this.#rewriting.passed;
  }

  /** The segments that may be rewritten as of a horizon, oldest first. */
  eligible(horizon: number): readonly SegmentView[] {
    const { log } = this.#parts;
    return eligibleSegments(log.segments(), this.#rewriting.passed, Math.max(horizon, log.horizon));
  }

  /** Everything that may be rewritten as of a horizon, together; undefined where there is nothing. */
  everything(horizon: number, erased?: ErasedNodes): SegmentChoice | undefined {
    const isErasing = erased !== undefined;
    const limit = isErasing ? Number.POSITIVE_INFINITY : horizon;
    const eligible = this.eligible(limit);
    const segments = isErasing ? eligible.filter(({ baseLsn }) => baseLsn <= erased.lsn) : eligible;
    if (segments.length === 0) return undefined;
    const bytes = segments.reduce((sum, each) => sum + dataBytes(each), 0);
    return { segments, horizon, erased, isJoined: false, bytes };
  }

  /** The segment whose rewriting is worth most now, as events have told which others they supersede; undefined where none is worth it. */
  next(horizon: number): SegmentChoice | undefined {
    const { liveCount, log } = this.#parts;
    const limit = Math.max(horizon, log.horizon);
    const candidates = this.eligible(limit).map((view) => ({
      view,
      supersededShare: this.#supersededShare(view),
      mayWait: this.#mayWait(view),
    }));
    const view = chooseNext(candidates, limit, liveCount() * staleShare);
    if (view === undefined) return undefined;
    const bytes = dataBytes(view);
    return { segments: [view], horizon: limit, erased: undefined, isJoined: false, bytes };
  }

  /** The newest that is due: what is superseded can go once what superseded it says everything, which rewriting makes it do. */
  newest(horizon: number): SegmentChoice | undefined {
    const all = this.everything(horizon);
    for (let i = (all?.segments.length ?? 0) - 1; i >= 0; i--) {
      const view = all!.segments[i]!;
      if (view.horizon < horizon) return { ...all!, segments: [view] };
    }
    return undefined;
  }

  /** Neighbours among these that are worth joining, or, with `"all"`, all that go into one; undefined where there are none. */
  joinable(horizon: number, which: "worthwhile" | "all"): SegmentChoice | undefined {
    const limit = Math.max(horizon, this.#parts.log.horizon);
    const segments = this.#parts.log.segments().slice(0, this.#rewriting.passed);
    const { segmentBytes } = this.#parts;
    const bytesMax = which === "all" ? segmentBytes : joinBytesMax(segments, segmentBytes);
    const chosen = chooseJoin(segments, limit, bytesMax, which);
    if (chosen.length === 0) return undefined;
    const bytes = chosen.reduce((sum, each) => sum + dataBytes(each), 0);
    return { segments: chosen, horizon: limit, erased: undefined, isJoined: true, bytes };
  }

  /**
   * Rewrites the segments of a choice and installs them, all of them or none.
   *
   * @throws {VarveError} CORRUPT for damage in one of them, DISK_FULL and IO, ABORTED, CONFLICT where one was replaced
   *   meanwhile: then nothing has changed, and the files begun are removed. POISONED where the manifest could not be written.
   */
  async rewrite(choice: SegmentChoice, work: CompactionWork = {}): Promise<Rewritten> {
    const { log } = this.#parts;
    // Order: what a merge of trees, or an earlier compaction, has dropped is not to be asked for.
    const horizon = Math.max(choice.horizon, log.horizon);
    const chosen = new Set(choice.segments.map(({ id }) => id));
    const erasedLsn = choice.erased?.lsn ?? 0;
    const coverage = new Coverage(log.segments(), chosen, horizon, erasedLsn);
    const drafts: SegmentDraft[] = [];
    const clean: CleanSegment[] = [];
    const counts: [number, Counted][] = [];
    let dropped = 0;
    try {
      for (const views of choice.isJoined ? [choice.segments] : choice.segments.map((v) => [v])) {
        const own = views.at(-1)!.lastLsn <= horizon ? horizon : 0;
        if (!(await this.#isTouched(views, choice, coverage, horizon, work))) {
          clean.push(cleaned(views[0]!, own, erasedLsn));
          continue;
        }
        const superseded = this.#superseded(views);
        let passed = await this.#passThere(views, choice, horizon, work, chosen, drafts);
        if (passed === undefined) {
          const draft = await this.#rewriting.begin(views, own, erasedLsn);
          drafts.push(draft);
          passed = await this.#pass(views, choice, coverage, horizon, work, (bytes, fields) =>
            draft.append(bytes, fields),
          );
        }
        const draft = drafts.at(-1)!;
        dropped += passed.dropped;
        counts.push([
          views.at(-1)!.id,
          { horizon: own, keptEvents: passed.keptEvents, superseded },
        ]);
        if (passed.changed > 0 || views.length > 1) {
          await draft.finish();
          continue;
        }
        drafts.pop();
        await draft.abandon();
        clean.push(cleaned(views[0]!, own, erasedLsn));
      }
      this.#check(work, horizon);
      work.beforeInstall?.();
      await this.#rewriting.install(drafts, clean);
      for (const [id, counted] of counts) this.#counted.set(id, counted);
    } catch (error) {
      if (log.poison === undefined) for (const draft of drafts) await draft.abandon();
      throw error;
    }
    let freedBytes = 0;
    let segments = 0;
    for (const { olds, segment } of drafts) {
      freedBytes -= segment.fileBytes;
      for (const { fileBytes } of olds) freedBytes += fileBytes;
      segments += olds.length;
    }
    return { freedBytes, droppedEvents: dropped, segments };
  }

  /** Ends what helps; nothing is rewritten after. */
  async close(): Promise<void> {
    await this.#parts.remote?.stop();
  }

  #superseded(views: readonly SegmentView[]): number {
    return this.#parts.index.superseded.settledBetween(views[0]!.baseLsn, views.at(-1)!.lastLsn);
  }

  /** Whether a segment that was never rewritten has next to nothing that only a rewrite makes whole. */
  #mayWait({ id, baseLsn, lastLsn, eventCount }: SegmentView): boolean {
    if (baseLsn <= this.#openedLsn || this.#counted.has(id)) return false;
    return this.#parts.index.unfolded.noted(baseLsn, lastLsn) <= eventCount * unfoldedShareMax;
  }

  #supersededShare(view: SegmentView): number | undefined {
    if (this.#mayWait(view)) return this.#superseded([view]) / view.eventCount;
    const counted = this.#counted.get(view.id);
    if (counted === undefined || counted.horizon !== view.horizon) return undefined;
    const { keptEvents, superseded } = counted;
    return (this.#superseded([view]) - superseded) / Math.max(1, keptEvents);
  }

  /** Whether there is something to erase in a segment, or may be to drop: most of them are read up to here and not written. */
  async #isTouched(
    views: readonly SegmentView[],
    choice: SegmentChoice,
    coverage: Coverage,
    horizon: number,
    work: CompactionWork,
  ): Promise<boolean> {
    if (choice.erased === undefined) return true;
    const ended = await this.#pass(views, choice, coverage, horizon, work, () => {}, true).catch(
      (error: unknown) => {
        if (error !== touched) throw error;
      },
    );
    return ended === undefined || ended.changed > 0;
  }

  /** The same in a worker; undefined where there is none, or it cannot do it, and nothing of it is left. */
  async #passThere(
    views: readonly SegmentView[],
    { erased }: SegmentChoice,
    horizon: number,
    work: CompactionWork,
    chosen: ReadonlySet<number>,
    drafts: SegmentDraft[],
  ): Promise<PassResult | undefined> {
    const { remote, log } = this.#parts;
    if (erased !== undefined || remote?.reaches(horizon) !== true) return undefined;
    const draft = await this.#rewriting.begin(views, horizon, 0);
    drafts.push(draft);
    const order = { views, segments: log.segments(), chosen, horizon };
    const host = {
      check: () => this.#check(work, horizon),
      pace: (bytes: number) => work.pace?.(bytes),
    };
    try {
      return await remote.run(order, host, (bytes, fields) => draft.append(bytes, fields));
    } catch (error) {
      if (!(error instanceof RemoteFailure)) throw error;
      drafts.pop();
      await draft.abandon();
      host.check();
      return undefined;
    }
  }

  /** @param endsAtChange throws `touched` at the first slice with something that changes. */
  async #pass(
    views: readonly SegmentView[],
    choice: SegmentChoice,
    coverage: Coverage,
    horizon: number,
    work: CompactionWork,
    output: FrameOutput,
    endsAtChange = false,
  ): Promise<PassResult> {
    const { ports, directory, log, index } = this.#parts;
    const builder = new FrameBuilder(output);
    const turn = (): Promise<void> => new Promise((resolve) => ports.scheduler.task(resolve));
    const rewriter = new RecordRewriter(
      {
        index,
        events: log.events,
        states: this.#states,
        coverage,
        // Of a segment that reaches above the horizon, nothing goes but what was erased.
        horizon: views.at(-1)!.lastLsn <= horizon ? horizon : 0,
        erased: choice.erased,
      },
      builder,
    );
    const host = {
      clock: ports.clock,
      check: () => {
        this.#check(work, horizon);
        if (endsAtChange && rewriter.changed > 0) throw touched;
      },
      pace: (bytes: number) => work.pace?.(bytes),
      rest: work.rest ?? turn,
    };
    for (const view of views) {
      const file = await ports.disk.open(ports.disk.join(directory, view.name), "read");
      try {
        await passSegment(file, view, rewriter, builder, host);
      } finally {
        await file.close();
      }
    }
    builder.end(rewriter.nextNodeId);
    const { dropped, changed } = rewriter;
    return { dropped, changed, keptEvents: builder.keptEvents };
  }

  /** Throws where the work must not go on: what the index has would be taken for the truth. */
  #check({ signal }: CompactionWork, horizon: number): void {
    if (signal?.aborted === true) {
      throw new VarveError("ABORTED", "compaction was aborted", { cause: signal.reason });
    }
    const { log, index } = this.#parts;
    if (log.poison !== undefined) throw log.poison;
    this.#parts.requireIndex();
    if (index.lastLsn >= horizon) return;
    throw new VarveError("INDEX_REBUILDING", "the index does not reach up to the horizon", {
      details: { horizon, lastLsn: index.lastLsn },
    });
  }
}

/** Ends a pass that was only to find out whether something changes. */
const touched: Error = new Error("touched");

function cleaned(view: SegmentView, horizon: number, erasedLsn: number): CleanSegment {
  return {
    id: view.id,
    horizon: Math.max(view.horizon, horizon),
    erasedLsn: Math.max(view.erasedLsn, erasedLsn),
  };
}

function dataBytes({ dataEnd }: SegmentView): number {
  return dataEnd - segmentHeaderBytes;
}
