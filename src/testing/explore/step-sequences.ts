// All short sequences of commands, and random longer ones.
import type { ErrnoEffect, FaultRule } from "../faults.ts";
import type { SimulatedRandom } from "../simulated-random.ts";
import { reopen, type Step, wait } from "./crash-subject.ts";

/** Every sequence of at most `lengthMax` steps, shorter ones first, beginning with the empty one. */
export function* sequencesUpTo<Command>(
  alphabet: readonly Step<Command>[],
  lengthMax: number,
): Generator<readonly Step<Command>[]> {
  let level: (readonly Step<Command>[])[] = [[]];
  yield [];
  for (let length = 1; length <= lengthMax; length++) {
    level = level.flatMap((before) => alphabet.map((step) => [...before, step]));
    yield* level;
  }
}

/** Commands one by one and several together, with time passing and reopenings between them. */
export function randomSteps<Command>(
  alphabet: readonly Command[],
  lengthMax: number,
  random: SimulatedRandom,
): Step<Command>[] {
  const command = (): Command => alphabet[random.below(alphabet.length)] as Command;
  const length = 1 + random.below(lengthMax);
  return Array.from({ length }, (): Step<Command> => {
    const kind = random.below(20);
    if (kind === 0) return wait(10 ** random.below(5));
    if (kind < 3) return reopen;
    if (kind > 5) return command();
    return Array.from({ length: 2 + random.below(3) }, command);
  });
}

/** Holds back some calls by a few turns each. */
export function randomDelays(random: SimulatedRandom): number[] {
  return Array.from({ length: random.below(40) }, () =>
    random.below(3) === 0 ? 1 + random.below(5) : 0,
  );
}

/** How a call fails, and how often. */
export type FaultKind = ErrnoEffect & Pick<FaultRule, "times">;

/** What one call of a life can be made to do: fail as the kinds say, or once and for ever, with nothing, a part or all of it done. */
export function faultsOf(
  site: { readonly operation: string; readonly path: string; readonly occurrence: number },
  kinds?: readonly FaultKind[],
): FaultRule[] {
  const { path, occurrence } = site;
  const operation = site.operation as FaultRule["operation"];
  if (kinds !== undefined) return kinds.map((kind) => ({ operation, path, occurrence, ...kind }));
  const errnos = ["sync", "rename", "unlink"].includes(operation) ? ["EIO"] : ["EIO", "ENOSPC"];
  const base = { operation, path, occurrence } as const;
  return errnos.flatMap((errno): FaultRule[] => [
    { ...base, errno, applied: "none" },
    { ...base, errno, applied: "prefix" },
    { ...base, errno, applied: "all" },
    { ...base, errno, applied: "prefix", times: "forever" },
  ]);
}
