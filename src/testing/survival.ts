// What a power cut leaves of the effects that no sync had covered: as plain data, so that a crash can be
// stored, replayed and made smaller. Which survivals are tried is chosen in survival-family.ts.
import type { DiskProfile } from "./disk-profile.ts";

/**
 * What becomes of one effect. All but `kept` and `lost` are for writes, `both` and `neither` for renames; an effect
 * that an outcome is not for is kept.
 *
 * - `torn`: only the first, or all but the first, `bytes` bytes arrive.
 * - `length`: the file is as long as the write makes it, but none of its bytes arrive.
 * - `garbage`: the range holds bytes that nobody wrote.
 * - `stale`: as `length`, but the part by which the file grew shows what old blocks of other files hold.
 * - `sector`: the sectors of 512 bytes at both ends of the range hold garbage, with what else lay in them.
 * - `bytes`: each byte arrives or not on its own, `keptPercent` of them.
 * - `pieces`: cut at multiples of `unitBytes` in the file, one letter for each piece: `k` kept, `l` lost,
 *   `p` a part at its front, `s` a part at its end, `g` garbage. Pieces beyond the text are kept.
 * - `both`, `neither`: which names of a rename there are.
 */
export type Outcome =
  | "kept"
  | "lost"
  | "both"
  | "neither"
  | { readonly kind: "torn"; readonly keep: "prefix" | "suffix"; readonly bytes: number }
  | { readonly kind: "length" }
  | { readonly kind: "garbage" | "stale" | "sector"; readonly seed: number }
  | { readonly kind: "bytes"; readonly keptPercent: number; readonly seed: number }
  | {
      readonly kind: "pieces";
      readonly unitBytes: number;
      readonly pieces: string;
      readonly seed: number;
    };

export interface SurvivalException {
  /** First and one past the last effect it is about, as numbered by `SimulatedDisk.dirtyEffects`. */
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
}

/** A later exception wins over an earlier one; effects that none is about follow the two defaults. */
export interface Survival {
  readonly label: string;
  /** Default for writes and truncates. */
  readonly files: "kept" | "lost";
  /** Default for creates, renames and unlinks. */
  readonly directories: "kept" | "lost";
  readonly exceptions: readonly SurvivalException[];
}

/** One effect that a power cut may take, in the order of all effects of the disk. */
export interface DirtyEffect {
  readonly index: number;
  readonly target: "file" | "directory";
  readonly kind: "write" | "truncate" | "create" | "unlink" | "rename";
  /** A name of the file, or the directory and the name in it. */
  readonly path: string;
  /** Of a write: where it starts; of a truncate: the new size; else 0. */
  readonly offset: number;
  /** Bytes of a write; else 0. */
  readonly length: number;
}

export const dropAll: Survival = survival("drop all", "lost", "lost");
export const keepAll: Survival = survival("keep all", "kept", "kept");

export function survival(
  label: string,
  files: "kept" | "lost",
  directories: "kept" | "lost",
  ...exceptions: SurvivalException[]
): Survival {
  return { label, files, directories, exceptions };
}

export function except(
  label: string,
  fallback: "kept" | "lost",
  from: number,
  to: number,
  outcome: Outcome,
): Survival {
  return survival(label, fallback, fallback, { from, to, outcome });
}

/** One outcome per effect, within what the profile allows of names. */
export function outcomesOf(
  chosen: Survival,
  effects: readonly DirtyEffect[],
  profile: DiskProfile,
): Outcome[] {
  const outcomes: Outcome[] = effects.map((effect) =>
    effect.target === "file" ? chosen.files : chosen.directories,
  );
  for (const { from, to, outcome } of chosen.exceptions) {
    for (let index = from; index < Math.min(to, outcomes.length); index++) {
      outcomes[index] = outcome;
    }
  }
  if (profile.names === "journal") keepNamesInOrder(outcomes, effects);
  return outcomes;
}

// A journal that lost one change has none of the later ones.
function keepNamesInOrder(outcomes: Outcome[], effects: readonly DirtyEffect[]): void {
  let isOver = false;
  effects.forEach(({ target }, index) => {
    if (target !== "directory") return;
    isOver ||= outcomes[index] === "lost";
    outcomes[index] = isOver ? "lost" : "kept";
  });
}

/** Pieces of a range, cut at multiples of `unitBytes` in the file. */
export function pieceCount(offset: number, length: number, unitBytes: number): number {
  if (length === 0) return 0;
  return Math.floor((offset + length - 1) / unitBytes) - Math.floor(offset / unitBytes) + 1;
}
