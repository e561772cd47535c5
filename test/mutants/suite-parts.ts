// The parts of the suite that kill more than one mutant, each as small as can be.

interface Part {
  readonly file: string;
  readonly title: string;
}

/** Every call of a life of the log alone is crashed before and after, with all that may survive there. */
export const firstCrashes: Part = {
  file: "test/crash/every-call.test.ts",
  title: "create, append, roll.* loses nothing acknowledged, shows",
};

/** The recoveries from these crashes are crashed at every call of their own. */
export const secondCrashes: Part = {
  file: "test/crash/every-call.test.ts",
  title: "create, append, roll.* loses nothing either",
};

/** Every call of a life of the log alone fails. */
export const failingCalls: Part = {
  file: "test/crash/faults.test.ts",
  title: "every promise settles",
};

/** A life of flushes, merges and checkpoints, crashed at every call. */
export const layerCrashes: Part = {
  file: "test/crash/layers.test.ts",
  title: "durability 'group' loses nothing acknowledged",
};

/** A write fails: crashes at once, after the rejection. */
export const rejections: Part = {
  file: "test/crash/rejected.test.ts",
  title: "is gone once it is rejected",
};

export const rejectedBehind: Part = {
  file: "test/crash/rejected.test.ts",
  title: "takes with it what is queued",
};

/** The life of the log alone in the weaker durabilities. */
export const weakCrashes: Part = {
  file: "test/crash/every-call.test.ts",
  title: "the same in durability .* loses nothing acknowledged, shows",
};

/** What an unclean stop has left is damaged at every byte above the watermark. */
export const tailCuts: Part = {
  file: "test/corruption/unclean-stop.test.ts",
  title: "any changed byte above it cuts the log there",
};

export const fullDisk: Part = {
  file: "test/crash/faults.test.ts",
  title: "closes, opens again and recovers from a crash without any space left",
};

/** Crashes at every call of lives with feeds, consumers and a projection. */
export const feedCrashes: Part = {
  file: "test/crash/feeds.test.ts",
  title: "subscribers keep S1 to S11 in every crash state",
};

/** The smallest plans of bugs that the engine itself once had. */
export const plainPlans: Part = {
  file: "test/crash/corpus.test.ts",
  title: "plain break nothing any more",
};
