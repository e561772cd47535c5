// What the kit has to know of the store: how to open it, what to do with it, and what it promises.
import { Store } from "./store.js";

/** @param bugs the mistakes to plant; see `knownBugs`. */
export function storeSubject(bugs = {}) {
  return {
    open: ({ disk }) => Store.open(disk, bugs),
    close: (store) => store.close(),
    run: (store, command) =>
      command === "compact" ? store.compact() : store.set(command.set, command.to),
    read: (store) => store.values,

    initial: () => new Map(),
    apply: (values, command) =>
      command === "compact" ? values : new Map(values).set(command.set, command.to),

    alphabet: [
      { set: "a", to: 1 },
      { set: "a", to: "x".repeat(700) },
      { set: "b", to: 2 },
      "compact",
    ],
    afterwards: [{ set: "z", to: 9 }],
    failed: (error) => (error.message.startsWith("refused") ? "rejected" : "unknown"),
  };
}
