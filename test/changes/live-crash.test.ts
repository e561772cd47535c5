// Subscribers beside a writer in random lives: calls that fail or come late, power cuts, restarts, and recoveries that are crashed as well;
// what they are given keeps S1 to S7, S9 and S11 of the reliability contract all the while.
import fc from "fast-check";
import { expect, it } from "vitest";
import { crashPlans } from "../../src/testing/arbitraries.ts";
import { type CrashPlan, formatCrashPlan, replayPlan } from "../../src/testing/testing.ts";
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
    path: fc.constant(".log"),
    occurrence: fc.integer({ min: 2, max: 25 }),
    errno: fc.constantFrom("EIO", "ENOSPC"),
    applied: fc.constantFrom("none" as const, "prefix" as const, "all" as const),
  }),
  { maxLength: 2 },
);

it("subscribers get every durable event once and in order, through faults, crashes and restarts", {
  timeout: 120_000,
}, async () => {
  const subject = feedSubject();
  const plans = crashPlans(command, { lengthMax: 30, faults: true });
  await fc.assert(
    fc.asyncProperty(plans, faults, async (plan, more) => {
      // The names of the watermark and the allocation table are lost for good with these, until an opening makes the files anew:
      // no matter of feeds, and not what an orderly close leaves otherwise.
      const others = plan.faults.filter(({ operation }) => operation !== "syncDirectory");
      const whole = { ...plan, faults: [...others, ...more] };
      const { violation } = await replayPlan(subject, whole);
      expect(violation && `${violation.message}\n${formatCrashPlan(whole)}`).toBe(undefined);
    }),
    { numRuns: 50, seed: 1 },
  );
  expect(subject.met.poisoned).toBeGreaterThan(0);
});
