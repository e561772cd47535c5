// How hard the background compacts: gently at first, harder the more is written while a round goes on, and in the end writers wait.

import type { Ports, Scheduler } from "../disk/ports.ts";
import type { SegmentView } from "../log/segment-view.ts";
import { BytePace } from "./byte-pace.ts";

/** Where less is live, it is taken for so much. */
const liveBytesMin = 4 * 2 ** 20;
/** Shares of what is live, written since the round began. */
const hurryAt = 0.0625;
const pressAt = 0.125;
const overdueAt = 0.3125;
/** Slices of a turn of the event loop once it is pressing. */
const slicesPerTurn = 4;

/** So much longer than it works the background leaves the event loop alone at first. */
const restPerWork = 2;

/** - `long`: others have the event loop for a while. - `turn`: for one turn. - `none`: it goes on at once. */
export type Rest = "long" | "turn" | "none";

export class CompactionEffort {
  readonly #pace: BytePace;
  readonly #scheduler: Scheduler;
  /** 0 while no round goes on. */
  #liveBytes = 0;
  #writtenBytes = 0;
  #slices = 0;

  constructor({ clock, scheduler }: Pick<Ports, "clock" | "scheduler">, bytesPerSecond: number) {
    this.#scheduler = scheduler;
    this.#pace = new BytePace(clock, scheduler, bytesPerSecond);
  }

  /** A round begins where a segment is sealed for it. @param liveBytes about what a log of what is live would take. */
  beginRound(liveBytes: number): void {
    if (this.#liveBytes > 0) return;
    this.#liveBytes = Math.max(liveBytes, liveBytesMin);
    this.#writtenBytes = 0;
  }

  endRound(): void {
    this.#liveBytes = 0;
  }

  noteWritten(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** Whether so much was written since the round began that no more should be before it ends: space would grow without bound. */
  get isOverdue(): boolean {
    return this.#share >= overdueAt;
  }

  /** What is due behind a slice of work. */
  afterSlice(): Rest {
    const share = this.#share;
    if (share < hurryAt) return "long";
    this.#slices = (this.#slices + 1) % slicesPerTurn;
    return share < pressAt || this.#slices === 0 ? "turn" : "none";
  }

  /** Waits until so many bytes more may be read. */
  pass(bytes: number): Promise<void> | undefined {
    return this.isOverdue ? undefined : this.#pace.pass(bytes);
  }

  /** Waits behind a slice that took so long. */
  async rest(ms: number): Promise<void> {
    const rest = this.afterSlice();
    if (rest === "long") await this.#pace.rest(ms * restPerWork);
    else if (rest === "turn") await new Promise<void>((end) => this.#scheduler.task(end));
  }

  /** Nobody is to wait any longer. */
  release(): void {
    this.#pace.release();
  }

  get #share(): number {
    return this.#liveBytes === 0 ? 0 : this.#writtenBytes / this.#liveBytes;
  }
}

/** What a log of what is live would take, about: as many events as there are things, as large as those written last. */
export function liveBytesOf(segments: readonly SegmentView[], liveCount: number): number {
  const written = segments.filter(({ horizon }) => horizon === 0);
  const events = written.reduce((sum, { eventCount }) => sum + eventCount, 0);
  const bytes = written.reduce((sum, { dataEnd }) => sum + dataEnd, 0);
  return (liveCount * bytes) / Math.max(1, events);
}
