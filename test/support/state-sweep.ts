// Enumerates crash states: every survival of every place of a life, each different disk judged once, as far as a budget goes.
import { diskFingerprint, type SimulatedDisk } from "../../src/testing/testing.ts";
import { afterLoss, type Loss, lossesAt } from "./crash-explorer.ts";
import type { Death } from "./crash-oracle.ts";
import { reportStates } from "./state-report.ts";

/** A place of a life: the disk there, and what was known. */
export interface Place<K> {
  readonly label: string;
  readonly disk: SimulatedDisk;
  readonly known: K;
}

export interface CrashState<K> {
  readonly label: string;
  readonly disk: SimulatedDisk;
  readonly death: Death;
  readonly known: K;
  /** How many different states were judged before it. */
  readonly turn: number;
}

/** Set by `npm run test:crash`: for so many seconds each family goes on with random lives. */
export const crashSeconds: number = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
/** Set by `npm run test:deep`: each family goes on until it has so many states. */
export const crashStates: number = Number(process.env["VARVE_CRASH_STATES"] ?? 0);
export const isDeep: boolean = crashSeconds > 0 || crashStates > 0;
/** Of the first life: every run of `npm test` is the same, a long one goes where none was before. */
export const firstSeed: number = Number(
  process.env["VARVE_CRASH_SEED"] ?? (isDeep ? Date.now() % 2 ** 31 : 0),
);
export const sweepTimeoutMs: number = isDeep ? 24 * 3_600_000 : 1_200_000;

export class StateSweep<K> {
  readonly tally: { states: number; distinct: number; recoveries: number } = {
    states: 0,
    distinct: 0,
    recoveries: 0,
  };
  /** What the judge has met, by its own words. */
  readonly met: Map<string, number> = new Map();
  readonly #seen: Set<string> = new Set();
  readonly #keyOf: (known: K) => string;
  readonly #judge: (state: CrashState<K>) => Promise<void>;
  readonly #startedMs = performance.now();

  /** @param keyOf equal for knowledge that allows the same disks. */
  constructor(keyOf: (known: K) => string, judge: (state: CrashState<K>) => Promise<void>) {
    this.#keyOf = keyOf;
    this.#judge = judge;
  }

  /** Judges what each of the losses leaves; a disk that was judged with the same knowledge counts, and is not judged again. */
  async place(
    place: Place<K>,
    lossesOf: (disk: SimulatedDisk) => Loss[] = lossesAt,
  ): Promise<void> {
    const { disk, known, label } = place;
    const losses = lossesOf(disk);
    const key = this.#keyOf(known);
    // Nothing but what is known changes between one call and the next.
    if (!this.#isNew(`${contentOf(disk)} ${key} ${losses.length}`)) {
      this.tally.states += losses.length;
      return;
    }
    for (const loss of losses) await this.#state(place, loss, `${label}; ${loss?.label ?? "kill"}`);
  }

  async #state({ disk, known }: Place<K>, loss: Loss, label: string): Promise<void> {
    this.tally.states++;
    const { disk: after, death } = afterLoss(disk, loss);
    if (!this.#isNew(`${death} ${contentOf(after)} ${this.#keyOf(known)}`)) return;
    const turn = this.tally.distinct++;
    await told(`state ${this.tally.states}: ${label}`, () =>
      this.#judge({ label, disk: after, death, known, turn }),
    );
  }

  meet(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  /** Lives are told apart: what one has shown is of no use to the next. */
  forget(): void {
    this.#seen.clear();
  }

  /** Whether a family that has done its fixed part is to end. */
  get isOver(): boolean {
    if (crashStates > 0 && this.tally.states >= crashStates) return true;
    if (crashSeconds > 0) return performance.now() - this.#startedMs > crashSeconds * 1000;
    return crashStates === 0;
  }

  report(what: string): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    reportStates(what, { ...this.tally, seconds, traits: Object.fromEntries(this.met) });
  }

  #isNew(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}

/** The reserve is space, not data. */
function contentOf(disk: SimulatedDisk): string {
  return diskFingerprint(disk, (path) => path.endsWith("/reserve"));
}

/** Says where it was, with what went wrong. */
export async function told<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { name, message, stack } = error as Error;
    throw new Error(`${where}\n${name}: ${message}`, {
      cause: name === "Violation" ? message : stack,
    });
  }
}
