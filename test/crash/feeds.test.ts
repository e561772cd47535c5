// Crashes databases with subscribers at every call of the disk: live, lagging and restarting feeds, two consumers, a projection.
import { expect, it } from "vitest";
import { feedsTimeoutMs, judgeFeedStates } from "../support/feed-states.ts";

it("subscribers keep S1 to S11 in every crash state of every second life", {
  timeout: feedsTimeoutMs,
}, async () => {
  const due = 10_150;
  const report = await judgeFeedStates(0, due);
  expect(report.distinct).toBeGreaterThanOrEqual(due);
});
