// Which survivals of a power cut are tried: the fixed family of every crash point, and random ones.
import type { DiskProfile } from "./disk-profile.ts";
import type { SimulatedRandom } from "./simulated-random.ts";
import {
  type DirtyEffect,
  dropAll,
  except,
  keepAll,
  type Outcome,
  outcomesOf,
  pieceCount,
  type Survival,
  type SurvivalException,
  survival,
} from "./survival.ts";

/** What a survival is chosen by: a simulated disk. */
export interface DiskAtRisk {
  readonly profile: DiskProfile;
  dirtyEffects(): readonly DirtyEffect[];
}

/** The fixed family of survivals for the effects that are at risk on `disk` now; prefixes, single losses, torn last writes. */
export function survivalFamily(disk: DiskAtRisk): Survival[] {
  return familyOf(disk.dirtyEffects(), disk.profile);
}

/** A survival of the effects at risk on `disk` now, drawn at random. */
export function randomSurvival(
  disk: DiskAtRisk,
  random: SimulatedRandom,
  options: RandomSurvivalOptions = {},
): Survival {
  return randomSurvivalOf(disk.dirtyEffects(), random, disk.profile, options);
}

/**
 * The fixed family for a disk with these dirty effects, each different state once: nothing survives;
 * everything; each prefix; all but one; only one; the files but no name, and the names but no file; the
 * last write torn at a page, at a sector and at some byte, replaced by garbage, and as length only.
 *
 * About 3n + 10 survivals for n effects. A profile that is harsher adds its own: each rename with both names and with
 * neither, all lengths without content, and of the last write old blocks, damaged sectors and single bytes.
 */
function familyOf(effects: readonly DirtyEffect[], profile: DiskProfile): Survival[] {
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
  family.push(...harshFamily(effects, last, profile));
  return distinctOf(family, effects, profile);
}

function harshFamily(
  effects: readonly DirtyEffect[],
  last: DirtyEffect | undefined,
  profile: DiskProfile,
): Survival[] {
  const family: Survival[] = [];
  if (!profile.atomicRename) {
    for (const { index, kind } of effects) {
      if (kind !== "rename") continue;
      family.push(except(`both names of ${index}`, "kept", index, index + 1, "both"));
      family.push(except(`neither name of ${index}`, "kept", index, index + 1, "neither"));
    }
  }
  if (last === undefined) return family;
  const { index } = last;
  if (profile.gaps === "stale") {
    const end = effects.length;
    const stale: Outcome = { kind: "stale", seed: index + 1 };
    family.push(except(`old blocks in ${index}`, "kept", index, index + 1, stale));
    family.push(except("lengths and names, old blocks", "kept", 0, end, stale));
    family.push(except("lengths and names, zeros", "kept", 0, end, { kind: "length" }));
  }
  if (!profile.powersafeOverwrite) {
    const sector: Outcome = { kind: "sector", seed: index + 1 };
    family.push(except(`sectors damaged by ${index}`, "kept", index, index + 1, sector));
  }
  if (profile.grains.includes(1)) {
    const single: Outcome = { kind: "bytes", keptPercent: 50, seed: index + 1 };
    family.push(except(`single bytes of ${index}`, "kept", index, index + 1, single));
  }
  return family;
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

/** Of the survivals those that leave another disk than each before. */
export function distinctSurvivals(disk: DiskAtRisk, all: readonly Survival[]): Survival[] {
  return distinctOf(all, disk.dirtyEffects(), disk.profile);
}

function distinctOf(
  family: readonly Survival[],
  effects: readonly DirtyEffect[],
  profile: DiskProfile,
): Survival[] {
  const seen = new Set<string>();
  return family.filter((member) => {
    const key = JSON.stringify(outcomesOf(member, effects, profile));
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export interface RandomSurvivalOptions {
  /** Percentage of survivals that decide writes piece by piece instead of as a whole; default 20. */
  readonly piecesPercent?: number;
  /** The unit at which writes are cut in pieces, 1 for single bytes; default one of the profile's, by chance. */
  readonly grain?: number;
}

/**
 * A survival drawn at random: each effect is kept or lost as a whole, or its writes are cut in pages,
 * sectors or odd pieces of which half are kept, three tenths lost, and the rest torn or garbage. What only a
 * harsher profile does befalls some of the effects besides.
 */
function randomSurvivalOf(
  effects: readonly DirtyEffect[],
  random: SimulatedRandom,
  profile: DiskProfile,
  options: RandomSurvivalOptions = {},
): Survival {
  const inPieces = random.below(100) < (options.piecesPercent ?? 20);
  const drawn = profile.grains[random.below(profile.grains.length)] ?? 512;
  const grain = options.grain ?? drawn;
  const lostPercent = [10, 30, 50, 90][random.below(4)] as number;
  const exceptions: SurvivalException[] = [];
  for (const effect of effects) {
    const outcome: Outcome =
      inPieces && effect.kind === "write"
        ? randomPieces(effect, grain, random)
        : random.below(100) < lostPercent
          ? "lost"
          : (harshOutcome(effect, profile, random) ?? "kept");
    if (outcome === "kept") continue;
    exceptions.push({ from: effect.index, to: effect.index + 1, outcome });
  }
  const label = inPieces ? `random pieces of ${grain}` : "random";
  return survival(label, "kept", "kept", ...exceptions);
}

function harshOutcome(
  { kind }: DirtyEffect,
  profile: DiskProfile,
  random: SimulatedRandom,
): Outcome | undefined {
  if (kind === "rename" && !profile.atomicRename) {
    return ([undefined, undefined, "both", "neither"] as const)[random.below(4)];
  }
  if (kind !== "write") return undefined;
  if (profile.gaps === "stale" && random.below(6) === 0)
    return { kind: "stale", seed: random.u32() };
  if (!profile.powersafeOverwrite && random.below(12) === 0) {
    return { kind: "sector", seed: random.u32() };
  }
  return undefined;
}

// Half kept, three tenths lost, a tenth torn, a tenth garbage.
const PIECES = "kkkkkkkkkkllllllpsgg";

function randomPieces(write: DirtyEffect, grain: number, random: SimulatedRandom): Outcome {
  if (grain === 1) return { kind: "bytes", keptPercent: 50, seed: random.u32() };
  const count = pieceCount(write.offset, write.length, grain);
  let pieces = "";
  for (let piece = 0; piece < count; piece++) pieces += PIECES[random.below(PIECES.length)];
  return { kind: "pieces", unitBytes: grain, pieces, seed: random.u32() };
}
