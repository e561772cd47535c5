// Leaves no room for an edit of the manifest: by a checkpoint, a roll and a compaction. Nothing is poisoned, and wherever the machine stops
// on the way back, either the old manifest or the new one is there with all that it names.
import { describe, expect, it } from "vitest";
import {
  type CrashSubject,
  type ExploreOptions,
  type ExploreReport,
  explore,
  type FaultRule,
  type Promised,
  type Step,
  Violation,
} from "../../src/testing/testing.ts";
import { large, small } from "../support/commit-model.ts";
import type { Running } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { exploringMs, isDeep } from "../support/explored-lives.ts";
import { filledSegments } from "../support/history-lives.ts";
import { historySubject } from "../support/history-subject.ts";
import { layeredSubject } from "../support/layered-subject.ts";

/** A command that is asked for where there is no room, and must be turned down. */
interface Refused<Command> {
  readonly refused: Command;
}

function refusedIn<Command>(command: Command | Refused<Command>): Command | undefined {
  const isRefused = typeof command === "object" && command !== null && "refused" in command;
  return isRefused ? command.refused : undefined;
}

/** The store of `base`, where the writes of the manifest that `rules` are about fail while a command is to be refused. */
function withoutRoom<Store extends Running, Command, State, World>(
  base: CrashSubject<Store, Command, State, World>,
  rules: readonly FaultRule[],
): CrashSubject<Store, Command | Refused<Command>, State, World> {
  return {
    ...base,
    run: async (store, command, world) => {
      const refused = refusedIn(command);
      if (refused === undefined) {
        return (await base.run(store, command as Command, world)) as Promised;
      }
      const { faults } = store.ports.disk;
      faults.push(...rules);
      try {
        await base.run(store, refused, world);
      } finally {
        faults.length = 0;
      }
      throw new Violation("O11 honesty", "there was no room, and nobody said so");
    },
    // Nothing of what is refused may ever be seen.
    apply: (state, command) =>
      refusedIn(command) === undefined ? base.apply(state, command as Command) : state,
    isIdle: (command) => refusedIn(command) !== undefined,
    failed: (error) =>
      (error as { code?: unknown }).code === "DISK_FULL" ? "rejected" : "unknown",
  };
}

type Applied = "none" | "prefix" | "all";

/** So many writes of a manifest's first copy find no room: with the second of them the reserve has been given up. */
function noRoom(applied: Applied, times: 1 | 2): FaultRule[] {
  // Between them the first copy is written back.
  const occurrences = times === 1 ? [1] : [1, 3];
  const path = /manifest\.b$/;
  return occurrences.map((occurrence) => ({
    operation: "write",
    path,
    errno: "ENOSPC",
    applied,
    occurrence,
  }));
}

function broken<Before, Command>(
  filling: readonly Step<Before>[],
  steps: readonly Step<Command>[],
): ExploreOptions<Before | Command> {
  return {
    scripts: [[...filling, ...steps] as Step<Before | Command>[]],
    scriptsFrom: filling.length,
    sequenceLength: 0,
    crashes: 1,
    placeStride: isDeep ? 1 : 40,
    survivals: isDeep ? "all" : 1,
    afterwardsStride: isDeep ? 1 : 6,
    seed: 3,
    shrinks,
  };
}

function expectWhole(edit: string, report: ExploreReport): void {
  expectSound(`no room for a ${edit}`, report);
  expect(report.isComplete).toBe(true);
  expect(report.distinct).toBeGreaterThan(20);
}

const filled = [...filledSegments, "rest", "checkpoint"] as const;
const behind = [small("behind"), "checkpoint", large("rolls", 45_000)] as const;

describe.each(["none", "prefix", "all"] as const)(
  "an edit that the manifest has no room for, of which %s arrives, leaves everything as it was:",
  (applied) => {
    it("of a checkpoint", { timeout: exploringMs }, async () => {
      const subject = withoutRoom(layeredSubject({ hasGaps: true }), noRoom(applied, 1));
      const steps = [{ refused: "checkpoint" as const }, ...behind];
      const report = await explore(subject, broken([...filled, small("unsaved")], steps));
      expectWhole("checkpoint", report);
    });

    it("of a roll", { timeout: exploringMs }, async () => {
      const subject = withoutRoom(layeredSubject({ hasGaps: true }), noRoom(applied, 2));
      const steps = [{ refused: large("refused", 45_000) }, ...behind];
      const report = await explore(subject, broken([...filled, large("fills", 25_000)], steps));
      expectWhole("roll", report);
    });

    it("of a compaction", { timeout: exploringMs }, async () => {
      const subject = withoutRoom(historySubject({ history: "latest" }), noRoom(applied, 2));
      const steps = [{ refused: "compact" as const }, ...behind, "compact" as const];
      const report = await explore(subject, broken([...filled], steps));
      expectWhole("compaction", report);
    });
  },
);
