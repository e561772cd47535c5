// The other half of the lives of feeds.test.ts, so that two processes share them.
import { expect, it } from "vitest";
import { feedsTimeoutMs, judgeFeedStates } from "../support/feed-states.ts";

it("subscribers keep S1 to S11 in every crash state of the other lives", {
  timeout: feedsTimeoutMs,
}, async () => {
  const due = 10_150;
  const report = await judgeFeedStates(1, due);
  expect(report.distinct).toBeGreaterThanOrEqual(due);
});
