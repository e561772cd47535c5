// A projection: how often each kind of event happened in each of the last sixty minutes, by the time of its commit.

const minuteMs = 60_000;
export const minutesKept = 60;

/** In `out`: counts by event name, for each minute that had events. In the state: the last minute seen. */
export const activity = {
  version: 1,
  filter: { kinds: ["event"] },
  init: () => ({ minute: 0 }),
  apply(state, change, out) {
    // Commit times never go back, so the window only moves forward.
    const minute = Math.floor(change.at / minuteMs);
    if (minute > state.minute) {
      state.minute = minute;
      for (const [key] of out.range({ lte: keyOf(minute - minutesKept) })) out.delete(key);
    }
    const counts = out.get(keyOf(minute)) ?? {};
    counts[change.name] = (counts[change.name] ?? 0) + 1;
    out.put(keyOf(minute), counts);
  },
};

/** Minutes as keys, so that the order of the keys is that of time. */
export function keyOf(minute) {
  return new Date(minute * minuteMs).toISOString().slice(0, 16);
}
