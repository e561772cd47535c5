// Counts and times what the database tells on its diagnostics channels while it works: checkpoints, flushes, merges.
// Where it has no such channel nothing is counted.
import { subscribe } from "node:diagnostics_channel";

/** Listens from now on; the function that it returns gives `{ count, totalMs, maxMs }` by name, of those that were told. */
export function listenTo(names) {
  const seen = {};
  const note = (name, ms) => {
    seen[name] ??= { count: 0, totalMs: 0, maxMs: 0 };
    seen[name].count++;
    seen[name].totalMs += ms;
    seen[name].maxMs = Math.max(seen[name].maxMs, ms);
  };
  for (const name of names) {
    // One message with its duration, or the pair of a tracing channel.
    subscribe(`varve:${name}`, (message) => {
      note(name, message?.elapsedMs ?? message?.ms ?? 0);
    });
    const begun = new WeakMap();
    subscribe(`tracing:varve:${name}:start`, (context) => {
      begun.set(context, performance.now());
    });
    subscribe(`tracing:varve:${name}:asyncEnd`, (context) => {
      note(name, performance.now() - (begun.get(context) ?? performance.now()));
    });
  }
  return () => seen;
}
