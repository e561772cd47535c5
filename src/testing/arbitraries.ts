// The public names of `varve/testing/arbitraries`: what fast-check draws for crash tests. An entry of its own, because fast-check is
// an optional peer: who does not have it can use everything else.
import fc from "fast-check";
import type { CrashPlan, CrashSite, Loss, PlannedCrash } from "./explore/crash-plan.ts";
import { reopen, type Step, wait } from "./explore/crash-subject.ts";
import { type FaultPlan, randomPlan } from "./fault-plan.ts";
import { SimulatedRandom } from "./simulated-random.ts";
import { dropAll, keepAll, type Outcome, type Survival } from "./survival.ts";

/** Names that have broken stores: of `Object.prototype`, empty, with separators, control characters, of many bytes, nearly equal. */
export const hostileTexts: readonly string[] = [
  ...Object.getOwnPropertyNames(Object.prototype),
  "prototype",
  "",
  " ",
  "0",
  "-0",
  "1e3",
  "null",
  "undefined",
  "a/b",
  "../a",
  "a\\b",
  "a,b;c\td\ne\r\nf",
  "\u0000",
  "a\u0000b",
  "\ufeffa",
  "\u200b",
  "é",
  "e\u0301",
  "\ufb01",
  "ß",
  "İ",
  "\u{1f469}\u200d\u{1f680}",
  "\u{10ffff}",
  "x".repeat(255),
  "y".repeat(4096),
];

/** Keys: hostile ones, and others of all kinds. Only well-formed texts; see `loneSurrogates` for the others. */
export function hostileKeys(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...hostileTexts) },
    { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
    { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom("a", "b", "c") },
  );
}

/** Texts that have no encoding in UTF-8: a store must refuse them or keep them, and nothing in between. */
export function loneSurrogates(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.string({ maxLength: 4 }), fc.integer({ min: 0xd800, max: 0xdfff }))
    .map(([before, unit]) => `${before}${String.fromCharCode(unit)}`);
}

/** Plain values that have broken stores: the ends of number ranges, minus zero, bytes, nesting, hostile names of members. */
export function hostileValues(): fc.Arbitrary<unknown> {
  const numbers = [0, -0, 1, -1, 0.1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, 5e-324];
  return fc.oneof(
    fc.constantFrom<unknown>(null, true, false, ...numbers, Number.MAX_VALUE, -1e-7),
    hostileKeys(),
    fc.double({ noNaN: true }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.integer(), { maxLength: 5 }),
    fc.dictionary(hostileKeys(), fc.string({ maxLength: 5 }), { maxKeys: 4 }),
    fc.integer({ min: 1, max: 9 }).map((kilobytes) => "z".repeat(kilobytes * 1000)),
  );
}

export interface StepOptions {
  /** Default 12. */
  readonly lengthMax?: number;
}

/** Steps for `CrashPlan.steps`: commands alone and together, time that passes, reopenings. Shrinks to fewer plain commands. */
export function stepsOf<Command>(
  commands: fc.Arbitrary<Command>,
  options: StepOptions = {},
): fc.Arbitrary<Step<Command>[]> {
  const together = fc.array(commands, { minLength: 2, maxLength: 4 });
  const step = fc.oneof(
    { weight: 14, arbitrary: commands },
    { weight: 3, arbitrary: together },
    { weight: 2, arbitrary: fc.constant(reopen) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 10_000 }).map((ms) => wait(ms)) },
  ) as fc.Arbitrary<Step<Command>>;
  return fc.array(step, { maxLength: options.lengthMax ?? 12 });
}

/** Delays for `CrashPlan.delays`. Shrinks to none. */
export function schedules(callsMax = 40): fc.Arbitrary<number[]> {
  const delay = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 6 }));
  return fc.array(delay, { maxLength: callsMax });
}

/** Faults that a store must withstand: errors, short writes, late calls. See `randomPlan` for the options behind. */
export function faultPlans(): fc.Arbitrary<FaultPlan> {
  const effects = ["errno", "short", "delay"] as const;
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant<FaultPlan>({ rules: [] }) },
    {
      weight: 3,
      arbitrary: fc
        .integer({ min: 1, max: 2 ** 31 })
        .map((seed) => randomPlan(new SimulatedRandom(seed), { effects })),
    },
  );
}

/** What a power cut leaves. Shrinks towards everything kept. */
export function survivals(effectsMax = 12): fc.Arbitrary<Survival> {
  const outcome = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Outcome>("lost") },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("torn" as const),
        keep: fc.constantFrom("prefix" as const, "suffix" as const),
        bytes: fc.nat(600),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Outcome>({ kind: "length" }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("garbage" as const), seed: fc.nat(9999) }),
    },
  );
  const exception = fc
    .tuple(fc.nat(effectsMax), outcome)
    .map(([from, chosen]) => ({ from, to: from + 1, outcome: chosen }));
  const drawn = fc
    .array(exception, { maxLength: effectsMax })
    .map((exceptions): Survival => ({ ...keepAll, label: "drawn", exceptions }));
  return fc.oneof(drawn, fc.constantFrom(keepAll, dropAll));
}

/** A place in a life; those that the life never comes to stand for its end. */
export function crashSites(): fc.Arbitrary<CrashSite> {
  const ofStep = fc
    .nat(12)
    .map((occurrence): CrashSite => ({ phase: "after", operation: "step", path: "", occurrence }));
  const ofCall = fc.record({
    phase: fc.constantFrom("before" as const, "after" as const),
    operation: fc.constantFrom("write", "sync", "create", "rename", "truncate", "syncDirectory"),
    path: fc.constant("*"),
    occurrence: fc.integer({ min: 1, max: 20 }),
  });
  return fc.oneof(ofStep, ofCall);
}

/** One to three crashes: the first in the life of the steps, each other one in the recovery from the one before. */
export function crashes(countMax = 3): fc.Arbitrary<PlannedCrash[]> {
  const loss: fc.Arbitrary<Loss> = fc.oneof(fc.constant<Loss>("kill"), survivals());
  const crash = fc.record({ site: crashSites(), loss });
  return fc.array(crash, { minLength: 1, maxLength: countMax });
}

/** Whole plans for `replayPlan`. */
export function crashPlans<Command>(
  commands: fc.Arbitrary<Command>,
  options: StepOptions & { readonly faults?: boolean } = {},
): fc.Arbitrary<CrashPlan<Command>> {
  return fc.record({
    seed: fc.integer({ min: 1, max: 2 ** 31 }),
    steps: stepsOf(commands, options),
    faults: options.faults === true ? faultPlans().map(({ rules }) => rules) : fc.constant([]),
    delays: fc.oneof({ weight: 3, arbitrary: fc.constant<number[]>([]) }, schedules()),
    crashes: crashes(),
  });
}
