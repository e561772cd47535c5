// The line that crash tests end with: how many states, how many of them different, and how fast.

export interface StateCount {
  readonly states: number;
  readonly distinct: number;
  readonly recoveries?: number;
  readonly seconds: number;
  readonly traits?: Readonly<Record<string, number>>;
}

/** Says on the terminal how much was explored. */
export function reportStates(what: string, count: StateCount): void {
  const { states, distinct, recoveries = 0, seconds, traits = {} } = count;
  const met = Object.entries(traits).map(([trait, times]) => `${trait} ${times}`);
  const rate = Math.round(states / Math.max(seconds, 0.001));
  process.stdout.write(
    `${what}: ${states} crash states (${distinct} of them distinct) and ${recoveries} crashed recoveries ` +
      `in ${seconds.toFixed(1)} s, ${rate} states a second\n${met.length > 0 ? `  met: ${met.join(", ")}\n` : ""}`,
  );
}
