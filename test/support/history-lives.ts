// The lives that the crash tests of compaction and backup break: written, and drawn at random.
import { reopen, SimulatedRandom, type Step } from "../../src/testing/testing.ts";
import { type Commit, large, linked, marked, small, type Write } from "./commit-model.ts";
import type { HistoryCommand } from "./history-subject.ts";

export interface HistoryLife {
  readonly steps: readonly Step<HistoryCommand>[];
  /** Behind this step it is broken; what lies before only fills the log. */
  readonly from: number;
}

function lifeOf(
  filling: readonly Step<HistoryCommand>[],
  broken: readonly Step<HistoryCommand>[],
): HistoryLife {
  return { steps: [...filling, ...broken], from: filling.length };
}

/** Four segments, of which little is still needed. */
export const filledSegments: readonly (Commit | readonly Commit[])[] = [
  [small("a"), small("lone")],
  { ...linked("b", "a"), mark: "first" },
  linked("c", "b"),
  large("big", 40_000),
  { tx: [{ link: ["a", "knows", "c"] }, { put: "c" }] },
  large("big", 40_000),
  { tx: [{ remove: "lone" }, { unlink: ["a", "knows", "c"] }] },
  { tx: [{ patch: "a" }], mark: "second" },
  large("wide", 30_000),
  { tx: [{ remove: "big.1" }, { link: ["c", "next", "a"] }] },
  large("wide", 30_000),
];

/**
 * Compaction of every kind: asked for, in the background, of what was compacted before, of what is open anew; segments are rewritten,
 * joined and sealed.
 */
export const compactedLife: HistoryLife = lifeOf(
  [...filledSegments],
  [
    "compact",
    linked("d", "c"),
    { ...large("wide", 40_000), mark: "third" },
    { tx: [{ remove: "wide.2" }, { put: "lone" }] },
    "checkpoint",
    "rest",
    large("big", 45_000),
    "compact",
    marked("behind"),
    reopen,
    { tx: [{ unlink: ["d", "next", "c"] }, { remove: "d" }] },
    large("last", 45_000),
    "compact",
    large("last", 40_000),
    // In the middle of whatever it compacts.
    "checkpoint",
  ],
);

/** Puts alone, left to the background: what makes a thing is rewritten before what has its state, and stays bare. */
export const restedLife: HistoryLife = lifeOf(
  [[small("a"), small("lone")], large("big", 40_000), large("big", 40_000)],
  [
    { tx: [{ put: "a" }, { put: "lone" }, { link: ["a", "next", "big.0"] }] },
    large("wide", 40_000),
    "checkpoint",
    "rest",
    large("big", 45_000),
    { tx: [{ remove: "lone" }] },
    "checkpoint",
    "rest",
    { tx: [{ remove: "big.1" }, { unlink: ["a", "next", "big.0"] }] },
    large("wide", 45_000),
    "checkpoint",
    "rest",
    reopen,
    large("last", 40_000),
  ],
);

/** Broken at every call of its only backup. */
export const firstBackup: HistoryLife = lifeOf([written(0, 200), written(1, 300)], ["backup"]);

/** Backups within one segment; into the next ones; of nothing new; after the copy was opened; of a state without an event. */
export const backedUpLife: HistoryLife = lifeOf(
  [],
  [
    written(0, 200),
    written(1, 300),
    "backup",
    written(2, 300),
    reopen,
    "backup",
    written(3, 40_000),
    written(4, 40_000),
    written(5, 50_000),
    reopen,
    "backup",
    "backup",
    "visit the copy",
    written(6, 100),
    reopen,
    "backup",
    marked("no event"),
    "backup",
    written(7, 30_000),
    written(8, 30_000),
    "backup",
  ],
);

/** Some of everything, with so many bytes of text. */
function written(turn: number, bytes: number): Commit {
  return {
    tx: [
      ...large(`n${turn}`, bytes).tx,
      { put: "hub" },
      { link: [`n${turn}.0`, "to", "hub"] },
      { unlink: [`n${turn - 3}.0`, "to", "hub"] },
      { remove: `n${turn - 3}.0` },
      { emit: "written" },
    ],
  };
}

/** A life drawn from a seed: what fills the log, then always compaction, a close and another opening. */
export function randomLife(seed: number, steps: number): HistoryLife {
  const draft = new Draft(seed);
  const broken: Step<HistoryCommand>[] = ["compact"];
  for (let at = 0; at < steps; at++) broken.push(draft.step());
  broken.push(draft.filler(60_000), { pass: 1000 }, "compact", reopen, draft.commit(), "compact");
  return lifeOf(draft.filling(), broken);
}

/** Backups between writes and compactions: the first, later ones, behind a compaction and beside one. */
export function randomBackups(seed: number): HistoryLife {
  const draft = new Draft(seed);
  return lifeOf(
    [...draft.filling(), "compact"],
    [
      "backup",
      draft.commit(),
      "backup",
      draft.filler(60_000),
      draft.filler(30_000),
      "compact",
      "backup",
      ...(draft.reads ? (["ack"] as const) : []),
      draft.filler(60_000),
      "visit the copy",
      "backup beside compaction",
      "backup",
    ],
  );
}

const keys = Array.from({ length: 7 }, (_, i) => `k${i}`);

class Draft {
  /** Whether there is a consumer. */
  readonly reads: boolean;
  readonly #random: SimulatedRandom;

  constructor(seed: number) {
    this.#random = new SimulatedRandom(seed).fork("life with history");
    this.reads = this.#random.below(3) > 0;
  }

  /** Four segments, of which little is still needed. */
  filling(): Step<HistoryCommand>[] {
    const steps: Step<HistoryCommand>[] = this.reads ? ["ack"] : [];
    for (let i = 0; i < 4; i++) {
      steps.push(this.commit(), this.commit(), this.filler(60_000), { pass: 1000 });
    }
    return this.reads ? [...steps, "ack"] : steps;
  }

  step(): Step<HistoryCommand> {
    const kind = this.#random.below(14);
    if (kind < 4) return this.commit();
    if (kind < 6) return this.filler(20_000 + this.#random.below(40_000));
    if (kind < 7) return "compact";
    if (kind < 8) return "checkpoint";
    if (kind < 9) return this.#random.below(2) === 0 ? "look" : "look back";
    if (kind < 10) return "look away";
    if (kind < 11) return this.reads ? "ack" : this.commit();
    if (kind < 12) return "rest";
    if (kind < 13) return reopen;
    return { pass: 1 + this.#random.below(3000) };
  }

  /** Fills the log: most of it with what no state needs. */
  filler(bytes: number): Commit {
    const from = this.#random.below(400);
    const puts: Write[] = [0, 1, 2, 3, 4].map((i) => ({ put: `big.${i}`, pad: from + i * 7 }));
    return { tx: [...puts, { emit: "filler", pad: bytes - 10_000 }] };
  }

  /** A few writes; those that make no sense on what is there do nothing. */
  commit(): Commit {
    const tx: Write[] = [];
    for (let left = 1 + this.#random.below(4); left > 0; left--) tx.push(...this.#writes());
    return this.#random.below(3) > 0 ? { tx } : { tx, mark: `m${this.#random.below(1000)}` };
  }

  #writes(): Write[] {
    const [one, other] = [this.#some(), this.#some()];
    const kind = this.#random.below(11);
    if (kind < 4) return [{ put: one }];
    if (kind < 6) return [{ patch: one }];
    if (kind < 7) return this.#removal(one);
    if (kind < 9) return [{ put: one }, { link: [one, "to", other] }];
    if (kind < 10) return [{ unlink: [one, "to", other] }];
    return [{ emit: "met" }];
  }

  #removal(key: string): Write[] {
    const edges = keys.flatMap((other): Write[] => [
      { unlink: [key, "to", other] },
      { unlink: [other, "to", key] },
    ]);
    return [...edges, { remove: key }];
  }

  #some(): string {
    return keys[this.#random.below(keys.length)] as string;
  }
}
