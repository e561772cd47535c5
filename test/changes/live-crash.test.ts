// Subscribers beside a writer in random lives: calls that fail or come late, power cuts, restarts, and recoveries that are crashed as well;
// what they are given keeps S1 to S7, S9 and S11 of the reliability contract all the while.
import fc from "fast-check";
import { expect, it } from "vitest";
import { crashPlans } from "../../src/testing/arbitraries.ts";
import {
  type CrashPlan,
  type FaultRule,
  formatCrashPlan,
  replayPlan,
} from "../../src/testing/testing.ts";
import { exploringMs, firstSeed, isDeep, isOver } from "../support/explored-lives.ts";
import { type FeedCommand, feedSubject } from "../support/feed-subject.ts";

const size = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constant(700) },
);

const command: fc.Arbitrary<FeedCommand> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ commit: fc.nat(9000), size }) },
  { weight: 2, arbitrary: fc.record({ commit: fc.nat(9000), size, as: fc.constant("os") }) },
  {
    weight: 4,
    arbitrary: fc.record({ pull: fc.constantFrom(1, 2), batches: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ restart: fc.constantFrom(1, 2) }) },
  { weight: 2, arbitrary: fc.record({ read: fc.constantFrom("on", "anew") }) },
  { weight: 2, arbitrary: fc.record({ ack: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant("turns") },
) as fc.Arbitrary<FeedCommand>;

/** What fails most while subscribers are there: the writes and syncs of the log. */
const faults: fc.Arbitrary<CrashPlan<FeedCommand>["faults"]> = fc.array(
  fc.record({
    operation: fc.constantFrom("write" as const, "sync" as const),
    path: fc.constant<string>(".log"),
    occurrence: fc.integer({ min: 2, max: 25 }),
    errno: fc.constantFrom("EIO", "ENOSPC"),
    applied: fc.constantFrom("none" as const, "prefix" as const, "all" as const),
  }),
  { maxLength: 2 },
);

/** The opening's, most of all the last of them. */
const lostNames: typeof faults = fc.array(
  fc.record({
    operation: fc.constant("syncDirectory" as const),
    path: fc.constant("/data/graph"),
    occurrence: fc.integer({ min: 2, max: 4 }),
    errno: fc.constant("EIO"),
    applied: fc.constantFrom("none" as const, "prefix" as const, "all" as const),
  }),
  { maxLength: 1 },
);

/** Lost names of the directory above are known (docs/TRACK-RECORD.md): nobody can make a directory's name again. */
function tamed(fault: FaultRule): FaultRule {
  return fault.operation === "syncDirectory" ? { ...fault, path: "/data/graph" } : fault;
}

const plansPerSeed = 10;
/** Among the first of these is a plan whose names an opening lost before it was mended. */
const seedsFrom = 5;

it("subscribers get every durable event once and in order, through faults, crashes and restarts", {
  timeout: exploringMs,
}, async () => {
  const subject = feedSubject();
  const plans = crashPlans(command, { lengthMax: 30, faults: true });
  const property = fc.asyncProperty(plans, faults, lostNames, async (plan, more, lost) => {
    const whole = { ...plan, faults: [...plan.faults.map(tamed), ...more, ...lost] };
    const { violation } = await replayPlan(subject, whole);
    expect(violation && `${violation.message}\n${formatCrashPlan(whole)}`).toBe(undefined);
  });
  const startedMs = performance.now();
  for (let done = 1; ; done++) {
    await fc.assert(property, { numRuns: plansPerSeed, seed: firstSeed + seedsFrom + done });
    const [states, seconds] = [done * plansPerSeed, (performance.now() - startedMs) / 1000];
    if (done < 5 || (isDeep && !isOver({ states, seconds }))) continue;
    process.stdout.write(`live subscribers: ${states} plans in ${seconds.toFixed(1)} s\n`);
    break;
  }
  expect(subject.met.poisoned).toBeGreaterThan(0);
});
