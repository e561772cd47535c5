// What a power cut leaves of the effects that no sync had covered: as plain data, so that a crash can be
// stored, replayed and made smaller. It also owns the fixed family of survivals that every crash tries.
import type { SimulatedRandom } from "./simulated-random.ts";

/**
 * What becomes of one effect. All but `kept` and `lost` are for writes; another effect is kept then.
 *
 * - `torn`: only the first, or all but the first, `bytes` bytes arrive.
 * - `length`: the file is as long as the write makes it, but none of its bytes arrive.
 * - `garbage`: the range holds bytes that nobody wrote.
 * - `pieces`: cut at multiples of `unitBytes` in the file, one letter for each piece: `k` kept, `l` lost,
 *   `p` a part at its front, `s` a part at its end, `g` garbage. Pieces beyond the text are kept.
 */
export type Outcome =
  | "kept"
  | "lost"
  | { readonly kind: "torn"; readonly keep: "prefix" | "suffix"; readonly bytes: number }
  | { readonly kind: "length" }
  | { readonly kind: "garbage"; readonly seed: number }
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

function survival(
  label: string,
  files: "kept" | "lost",
  directories: "kept" | "lost",
  ...exceptions: SurvivalException[]
): Survival {
  return { label, files, directories, exceptions };
}

function except(
  label: string,
  fallback: "kept" | "lost",
  from: number,
  to: number,
  outcome: Outcome,
): Survival {
  return survival(label, fallback, fallback, { from, to, outcome });
}

/** One outcome per effect. */
export function outcomesOf(chosen: Survival, effects: readonly DirtyEffect[]): Outcome[] {
  const outcomes: Outcome[] = effects.map((effect) =>
    effect.target === "file" ? chosen.files : chosen.directories,
  );
  for (const { from, to, outcome } of chosen.exceptions) {
    for (let index = from; index < Math.min(to, outcomes.length); index++) {
      outcomes[index] = outcome;
    }
  }
  return outcomes;
}

/**
 * The fixed family for a disk with these dirty effects, each different state once: nothing survives;
 * everything; each prefix; all but one; only one; the files but no name, and the names but no file; the
 * last write torn at a page, at a sector and at some byte, replaced by garbage, and as length only.
 *
 * About 3n + 10 survivals for n effects.
 */
export function familyOf(effects: readonly DirtyEffect[]): Survival[] {
  const count = effects.length;
  const family = [dropAll, keepAll];
  for (let end = 1; end < count; end++) {
    family.push(except(`keep the first ${end}`, "lost", 0, end, "kept"));
  }
  for (let index = 0; index < count; index++) {
    family.push(except(`lose only ${index}`, "kept", index, index + 1, "lost"));
    family.push(except(`keep only ${index}`, "lost", index, index + 1, "kept"));
  }
  family.push(survival("files, no names", "kept", "lost"));
  family.push(survival("names, no files", "lost", "kept"));
  const last = effects.filter((effect) => effect.kind === "write" && effect.length > 0).at(-1);
  if (last !== undefined) family.push(...tornFamily(last));
  return distinct(family, effects);
}

function tornFamily(write: DirtyEffect): Survival[] {
  const { index, offset, length } = write;
  const one = (label: string, outcome: Outcome): Survival =>
    except(`${label} ${index}`, "kept", index, index + 1, outcome);
  const cuts = new Set<number>();
  for (const unit of [4096, 512]) {
    const end = offset + length;
    const boundary = end - (end % unit || unit) - offset;
    if (boundary > 0) cuts.add(boundary);
  }
  if (length > 1) cuts.add((length >> 1) | 1);
  const family: Survival[] = [];
  for (const bytes of cuts) {
    if (bytes >= length) continue;
    family.push(one(`torn after ${bytes}`, { kind: "torn", keep: "prefix", bytes }));
    family.push(one(`torn before ${bytes}`, { kind: "torn", keep: "suffix", bytes }));
  }
  family.push(one("garbage in", { kind: "garbage", seed: index + 1 }));
  family.push(one("length only of", { kind: "length" }));
  return family;
}

function distinct(family: Survival[], effects: readonly DirtyEffect[]): Survival[] {
  const seen = new Set<string>();
  return family.filter((member) => {
    const key = JSON.stringify(outcomesOf(member, effects));
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export interface RandomSurvivalOptions {
  /** Percentage of survivals that decide writes piece by piece instead of as a whole; default 20. */
  readonly piecesPercent?: number;
}

/**
 * A survival drawn at random: each effect is kept or lost as a whole, or its writes are cut in pages,
 * sectors or odd pieces of which half are kept, three tenths lost, and the rest torn or garbage.
 */
export function randomSurvivalOf(
  effects: readonly DirtyEffect[],
  random: SimulatedRandom,
  options: RandomSurvivalOptions = {},
): Survival {
  const inPieces = random.below(100) < (options.piecesPercent ?? 20);
  const unitBytes = [4096, 512, 61][random.below(3)] as number;
  const lostPercent = [10, 30, 50, 90][random.below(4)] as number;
  const exceptions: SurvivalException[] = [];
  for (const effect of effects) {
    const outcome: Outcome =
      inPieces && effect.kind === "write"
        ? randomPieces(effect, unitBytes, random)
        : random.below(100) < lostPercent
          ? "lost"
          : "kept";
    if (outcome === "kept") continue;
    exceptions.push({ from: effect.index, to: effect.index + 1, outcome });
  }
  return survival(
    inPieces ? `random pieces of ${unitBytes}` : "random",
    "kept",
    "kept",
    ...exceptions,
  );
}

// Half kept, three tenths lost, a tenth torn, a tenth garbage.
const PIECES = "kkkkkkkkkkllllllpsgg";

function randomPieces(write: DirtyEffect, unitBytes: number, random: SimulatedRandom): Outcome {
  const count = pieceCount(write.offset, write.length, unitBytes);
  let pieces = "";
  for (let piece = 0; piece < count; piece++) pieces += PIECES[random.below(PIECES.length)];
  return { kind: "pieces", unitBytes, pieces, seed: random.u32() };
}

/** Pieces of a range, cut at multiples of `unitBytes` in the file. */
export function pieceCount(offset: number, length: number, unitBytes: number): number {
  if (length === 0) return 0;
  return Math.floor((offset + length - 1) / unitBytes) - Math.floor(offset / unitBytes) + 1;
}
