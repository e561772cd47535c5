// Group commit: accepted transactions become groups; a group is one write and one sync, never two syncs at once.
import type { VarveError } from "../codec/errors.ts";
import type { ActiveSegment } from "./active-segment.ts";
import { type CommitCounters, type CommitHost, noCounters } from "./commit-host.ts";
import { CommitWaiters, poisonError, type WaitedFor } from "./commit-waiters.ts";
import type { EventBatch } from "./event-batch.ts";
import { closed } from "./follow-errors.ts";
import { ForcedRolls } from "./forced-rolls.ts";
import {
  bytesOf,
  type CommitLevel,
  type CommitTicket,
  endOf,
  type FrameMark,
  Group,
  keptAndLost,
  lastEventOf,
  type PendingTransaction,
  settle,
} from "./group.ts";
import { segmentHeaderBytes } from "./segment-format.ts";
import { SyncFailure } from "./sync-failure.ts";
import { SyncTimer } from "./sync-timer.ts";
import { TurnLimit } from "./turn-limit.ts";

export class CommitQueue {
  readonly counters: CommitCounters = { ...noCounters };
  readonly #host: CommitHost;
  /** Accepted and not yet written, in order; the last one still grows. */
  #queue: Group[] = [];
  /** Written and not yet durable. */
  #unsynced: Group[] = [];
  readonly #waiters: CommitWaiters = new CommitWaiters();
  readonly #forced: ForcedRolls;
  readonly #turns: TurnLimit<PendingTransaction>;
  #nextOrdinal = 1;
  #writtenOrdinal = 0;
  #durableOrdinal = 0;
  #acceptedLsn: number;
  #writtenLsn: number;
  #durableLsn: number;
  #nextLsn: number;
  #lastTimeMs: number;
  #pendingBytes = 0;
  /** Where the active segment will end once everything queued is written. */
  #projectedEnd: number;
  #pumpScheduled = false;
  /** A step that nothing else may overtake: extending, rolling, cutting back. */
  #busy = false;
  /** The step that makes it busy; never rejects. */
  #work: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #syncWanted = false;
  readonly #syncTimer: SyncTimer;
  #poison: VarveError | undefined;
  /** Why transactions are lost that were acknowledged as less than durable, until someone is told. */
  #untold: unknown;

  constructor(host: CommitHost, lastLsn: number, nextLsn: number, lastTimeMs: number) {
    this.#host = host;
    this.#forced = new ForcedRolls(host, () => this.#cutBack());
    this.#turns = new TurnLimit(host.scheduler, host.clock, settle);
    this.#syncTimer = new SyncTimer(host.scheduler, host.clock, () => this.requestSync());
    this.#acceptedLsn = lastLsn;
    this.#writtenLsn = lastLsn;
    this.#durableLsn = lastLsn;
    this.#nextLsn = nextLsn;
    this.#lastTimeMs = lastTimeMs;
    this.#projectedEnd = host.active().segment.dataEnd;
  }

  get acceptedLsn(): number {
    return this.#acceptedLsn;
  }

  get writtenLsn(): number {
    return this.#writtenLsn;
  }

  get durableLsn(): number {
    return this.#durableLsn;
  }

  /** The LSN of the next event; rejected ones are not issued again. */
  get nextLsn(): number {
    return this.#nextLsn;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get poison(): VarveError | undefined {
    return this.#poison;
  }

  /** Hands over why transactions are lost that nobody waited for; whoever takes it tells the user. */
  takeUntold(): unknown {
    const untold = this.#untold;
    this.#untold = undefined;
    return untold;
  }

  /** Groups not yet written, oldest first: readers look here for the newest events. */
  get queued(): readonly Group[] {
    return this.#queue;
  }

  /** Takes over a finished batch; copies what it holds. The ticket is told later how it ended. */
  accept(batch: EventBatch, level: CommitLevel, ticket: CommitTicket): PendingTransaction {
    const group = this.#groupFor(batch.bytes);
    const before = group.length;
    this.#lastTimeMs = Math.max(this.#lastTimeMs, this.#host.clock.wallMs());
    const timeMs = group.timeFor(batch.bytes, this.#lastTimeMs);
    const transaction = group.add(batch, timeMs, level, ticket);
    this.#projectedEnd += group.length - before;
    this.#pendingBytes += group.length - before;
    this.#nextLsn = batch.nextLsn;
    this.#acceptedLsn = Math.max(this.#acceptedLsn, lastEventOf(transaction));
    this.counters.transactions++;
    this.#schedulePump();
    return transaction;
  }

  /** Tells tickets of level "accepted", which wait for nothing, once the caller has applied them. */
  settleAccepted(transaction: PendingTransaction, withinMs: number): void {
    this.#turns.tell(bytesOf(transaction), transaction);
    this.#armSyncTimer(withinMs);
  }

  /** Resolves once everything accepted so far is durable; rejects where something accepted before is lost. */
  flush(): Promise<void> {
    const untold = this.#poison === undefined ? this.takeUntold() : undefined;
    return untold === undefined ? this.#flushed(true) : Promise.reject(untold);
  }

  #flushed(isFlush: boolean): Promise<void> {
    // Not the last ordinal given out: that group may have been rejected.
    const ordinal = this.#queue[this.#queue.length - 1]?.ordinal ?? this.#writtenOrdinal;
    if (ordinal <= this.#durableOrdinal) return this.#failedOrDone();
    return this.#wait({ lsn: 0, ordinal, isFlush });
  }

  /** Resolves once `lsn` is durable; the caller has checked that it was issued. */
  whenDurable(lsn: number): Promise<void> {
    if (lsn <= this.#durableLsn) return Promise.resolve();
    return this.#wait({ lsn, ordinal: 0, isFlush: false });
  }

  /** Seals the active segment, unless it holds no events. Where that fails, nothing accepted is lost. */
  roll(): Promise<void> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison);
    this.#schedulePump();
    return this.#forced.request();
  }

  /** Resolves once nothing is queued, written but not synced, or under way; or the log is poisoned. */
  async drain(): Promise<void> {
    this.#syncTimer.cancel();
    await this.#flushed(false).catch(() => {});
    while (this.#busy && this.#poison === undefined) await this.#work;
    await this.#syncing;
    this.#forced.reject(closed());
  }

  /** Resolves once everything accepted so far is durable or gone: a rejected group is cut back before anyone is told. */
  async settled(): Promise<void> {
    await this.#flushed(false).catch(() => {});
  }

  #failedOrDone(): Promise<void> {
    return this.#poison === undefined ? Promise.resolve() : Promise.reject(this.#poison);
  }

  #wait(what: WaitedFor): Promise<void> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison);
    this.requestSync();
    return this.#waiters.add(what);
  }

  /** The next transaction begins a frame of its own; returns where, unless everything accepted is written. */
  endFrame(): FrameMark | undefined {
    return this.#queue[this.#queue.length - 1]?.endFrame();
  }

  #groupFor(bytes: number): Group {
    const last = this.#queue[this.#queue.length - 1];
    const end = this.#projectedEnd + bytes;
    const overflows =
      end > this.#host.segmentDataBytesMax && this.#projectedEnd > segmentHeaderBytes;
    if (last !== undefined && !overflows) return last;
    const group = new Group(this.#nextOrdinal++, overflows);
    if (overflows) this.#projectedEnd = segmentHeaderBytes;
    this.#queue.push(group);
    return group;
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    this.#host.scheduler.microtask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#busy && this.#poison === undefined) {
      const forced = this.#syncing === undefined ? this.#forced.begin() : undefined;
      const group = this.#queue[0];
      if (forced !== undefined) this.#step(true, forced);
      else if (group === undefined || this.#mustWait(group)) break;
      else this.#advance(group);
    }
    this.#startSyncIfWanted();
  }

  /** What arrives during a sync joins the next group, unless someone waits for the write alone. */
  #mustWait(group: Group): boolean {
    if (this.#syncing === undefined) return false;
    return group.rollBefore || !(group.wantsWrite || this.#queue.length > 1);
  }

  #advance(group: Group): void {
    const active = this.#host.active();
    // A group that wanted a new segment has it once the active one is empty.
    if (group.rollBefore && active.segment.frameCount > 0) this.#step(true, this.#host.roll());
    else if (!active.needsExtension(group.length)) this.#write(group, active);
    else this.#step(false, active.extendFor(group.length, this.#host.segmentBytes));
  }

  #step(rolling: boolean, work: Promise<void>): void {
    this.#busy = true;
    this.#work = work.then(
      () => {
        this.#busy = false;
        if (rolling) this.counters.rolls++;
        this.#projectedEnd = endOf(this.#queue, this.#host.active().segment.dataEnd);
        this.#pump();
      },
      (error: unknown) => {
        if (error instanceof SyncFailure) this.poisonWith(error);
        else this.#reject(error);
      },
    );
  }

  #write(group: Group, active: ActiveSegment): void {
    try {
      active.write(group, this.#durableLsn);
    } catch (error) {
      this.#reject(error);
      return;
    }
    this.#queue.shift();
    this.#unsynced.push(group);
    this.#writtenOrdinal = group.ordinal;
    this.#writtenLsn = Math.max(this.#writtenLsn, group.lastLsn);
    this.counters.groups++;
    this.counters.writes++;
    this.counters.frames += group.frames.length;
    this.counters.bytesWritten += group.length;
    if (group.wantsSync) this.#syncWanted = true;
    else this.#armSyncTimer(this.#host.syncIntervalMs);
    if (!group.wantsWrite) return;
    for (const transaction of group.transactions) {
      if (transaction.level === "os") this.#turns.tell(bytesOf(transaction), transaction);
    }
  }

  #armSyncTimer(withinMs: number): void {
    if (this.#poison === undefined) this.#syncTimer.arm(withinMs);
  }

  /** Syncs what is written as soon as may be. */
  requestSync(): void {
    this.#syncWanted = true;
    this.#schedulePump();
  }

  #startSyncIfWanted(): void {
    if (!this.#syncWanted || this.#busy || this.#syncing !== undefined) return;
    if (this.#poison !== undefined) return;
    if (this.#writtenOrdinal === this.#durableOrdinal) {
      if (this.#queue.length === 0) this.#syncWanted = false;
      return;
    }
    this.#syncWanted = false;
    this.#syncing = this.#sync();
  }

  async #sync(): Promise<void> {
    // The end position is noted before the sync begins: what is written later is not covered by it.
    const ordinal = this.#writtenOrdinal;
    const lsn = this.#writtenLsn;
    const { segment, file } = this.#host.active();
    const hash = segment.lastHash;
    this.counters.syncs++;
    try {
      await file.sync();
      this.#host.witness(lsn, hash);
    } catch (error) {
      this.#syncing = undefined;
      this.poisonWith(error);
      return;
    }
    this.#syncing = undefined;
    if (this.#poison !== undefined) return;
    this.#published(ordinal, lsn);
    this.#pump();
  }

  /** Everything written is durable: a roll has sealed and synced the segment. */
  publishWritten(): void {
    this.#published(this.#writtenOrdinal, this.#writtenLsn);
  }

  #published(ordinal: number, lsn: number): void {
    if (this.#poison !== undefined) return;
    this.#durableOrdinal = Math.max(this.#durableOrdinal, ordinal);
    this.#durableLsn = Math.max(this.#durableLsn, lsn);
    while (this.#unsynced.length > 0 && this.#unsynced[0]!.ordinal <= ordinal) {
      const group = this.#unsynced.shift()!;
      this.#pendingBytes -= group.length;
      for (const transaction of group.transactions) settle(transaction);
    }
    this.#waiters.tell(this.#durableLsn, this.#durableOrdinal);
    this.#host.durableAdvanced(this.#durableLsn);
  }

  /** A write failed: nothing queued will be durable. Cuts the file back, syncs it, then says so. */
  #reject(error: unknown): void {
    this.#busy = true;
    const rejected = this.#queue.flatMap((group) => group.transactions);
    const ordinals = this.#queue.map((group) => group.ordinal);
    for (const group of this.#queue) this.#pendingBytes -= group.length;
    this.#queue = [];
    this.#acceptedLsn = this.#writtenLsn;
    this.#projectedEnd = this.#host.active().segment.dataEnd;
    this.#host.rolledBack([...rejected].reverse());
    const waiters = this.#waiters.take(
      (w) => w.lsn > this.#writtenLsn || ordinals.includes(w.ordinal),
    );
    const nobodyTold = !waiters.some(({ isFlush }) => isFlush);
    if (nobodyTold && rejected.some(({ settled }) => settled)) this.#untold = error;
    this.#work = this.#cutBack().then(
      () => {
        this.#busy = false;
        for (const transaction of rejected) settle(transaction, error);
        for (const waiter of waiters) waiter.ticket.reject(error);
        this.#pump();
      },
      (failure: unknown) => {
        const poison = this.poisonWith(failure);
        for (const transaction of rejected) settle(transaction, poison);
        for (const waiter of waiters) waiter.ticket.reject(poison);
      },
    );
  }

  async #cutBack(): Promise<void> {
    // A sync that is under way ends first: there is never a second one beside it.
    await this.#syncing;
    if (this.#poison !== undefined) throw this.#poison;
    const active = this.#host.active();
    const ordinal = this.#writtenOrdinal;
    const lsn = this.#writtenLsn;
    this.counters.syncs++;
    await active.cutBack();
    this.#host.witness(lsn, active.segment.lastHash);
    this.#published(ordinal, lsn);
  }

  /**
   * A sync failed, or a write could not be taken back: what the disk holds is unknown. Everything
   * from the oldest transaction that still waits is rolled back; only a reopen finds out more.
   */
  poisonWith(cause: unknown): VarveError {
    if (this.#poison !== undefined) return this.#poison;
    const poison = poisonError(cause, this.#durableLsn);
    this.#poison = poison;
    this.#busy = true;
    this.#syncTimer.cancel();
    const { kept, rejected } = keptAndLost(this.#unsynced, this.#queue);
    if ([...kept, ...rejected].some(({ settled }) => settled)) this.#untold = poison;
    this.#queue = [];
    this.#unsynced = [];
    this.#pendingBytes = 0;
    this.#acceptedLsn = kept.reduce((lsn, t) => Math.max(lsn, lastEventOf(t)), this.#durableLsn);
    this.#host.rolledBack([...rejected].reverse());
    for (const transaction of rejected) settle(transaction, poison);
    for (const { ticket } of this.#waiters.take(() => true)) ticket.reject(poison);
    this.#forced.reject(poison);
    // Nothing is pending any more: calls that waited for room must hear of it too.
    this.#host.durableAdvanced(this.#durableLsn);
    return poison;
  }
}
