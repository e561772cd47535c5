// Random lives over budgets of a few entries: writes of every kind, alone and together, between everything that the background can be asked for.
import type { Tuning } from "../../src/database/tuning.ts";
import { reopen, SimulatedRandom, type Step, wait } from "../../src/testing/testing.ts";
import type { Durability } from "../../src/varve.ts";
import { type Commit, marked, small, type Write } from "./commit-model.ts";
import type { LayeredCommand } from "./layered-subject.ts";

/** Budgets of a few entries: which stage has how much to do differs from life to life. */
export function tuningOf(seed: number): Partial<Tuning> {
  const random = new SimulatedRandom(seed).fork("budgets");
  const isCramped = random.below(2) === 0;
  return {
    activeEventsMax: 2 + random.below(20),
    // Less than what a segment's events take: a replay has to write runs on its way.
    ...(isCramped ? { activeBytesMax: 8 * 1024, activeEventsMax: 1000 } : {}),
    mergeAbove: 1 + random.below(4),
    pageBytes: [512, 1024][random.below(2)]!,
    pageCacheBytes: [2048, 8192][random.below(2)]!,
    pageCacheBytesMax: 8192,
    closeEventsMax: [0, 8, 1000][random.below(3)]!,
  };
}

const keys = Array.from({ length: 7 }, (_, i) => `k${i}`);

/** @param spoils in the middle pages of the index go bad. */
export function randomLayers(
  seed: number,
  length: number,
  spoils: boolean,
): Step<LayeredCommand>[] {
  const draft = new Draft(seed);
  const steps: Step<LayeredCommand>[] = [];
  for (let at = 0; at < length; at++) {
    if (spoils && at === length >> 1) steps.push("checkpoint", "rest", "spoil");
    steps.push(draft.step());
  }
  return steps;
}

class Draft {
  readonly #random: SimulatedRandom;
  #written = 0;

  constructor(seed: number) {
    this.#random = new SimulatedRandom(seed).fork("layered life");
  }

  step(): Step<LayeredCommand> {
    const kind = this.#random.below(13);
    if (kind < 5) return this.#commit();
    if (kind < 7) return this.#together();
    if (kind < 8) return this.#large();
    if (kind < 9) return "checkpoint";
    if (kind < 10) return "flush";
    if (kind < 11) return "rest";
    return kind < 12 ? reopen : wait(1 + this.#random.below(2000));
  }

  /** Several transactions of one turn, each as durable as it likes. */
  #together(): Commit[] {
    const levels: Durability[] = ["group", "os", { intervalMs: 5 }];
    return Array.from({ length: 2 + this.#random.below(4) }, () => {
      const at = this.#written++;
      const commit = at % 5 === 0 ? marked(`m${at}`) : small(`n${at % 9}`);
      return { ...commit, as: levels[this.#random.below(3)]! };
    });
  }

  #large(): Commit {
    return { tx: [{ puts: "big", bytes: 14_000 + this.#random.below(30_000) }] };
  }

  /** What makes no sense on what is there does nothing. */
  #commit(): Commit {
    const tx: Write[] = [];
    for (let left = 1 + this.#random.below(4); left > 0; left--) tx.push(...this.#writes());
    return this.#random.below(3) > 0 ? { tx } : { tx, mark: `m${this.#random.below(1000)}` };
  }

  #writes(): Write[] {
    const [one, other] = [this.#key(), this.#key()];
    const kind = this.#random.below(11);
    if (kind < 4) return [{ put: one }];
    if (kind < 6) return [{ patch: one }];
    if (kind < 7) return removal(one);
    if (kind < 9) return [{ put: one }, { link: [one, "to", other] }];
    if (kind < 10) return [{ unlink: [one, "to", other] }];
    return [{ emit: "met" }];
  }

  #key(): string {
    return keys[this.#random.below(keys.length)]!;
  }
}

function removal(key: string): Write[] {
  const edges = keys.flatMap((other): Write[] => [
    { unlink: [key, "to", other] },
    { unlink: [other, "to", key] },
  ]);
  return [...edges, { remove: key }];
}
