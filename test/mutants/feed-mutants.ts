// Seeded bugs of what readers are told: feeds, consumers, projections; and of the adapters to the machine.
import type { Mutant } from "./mutant.ts";
import { feedCrashes } from "./suite-parts.ts";

const feedReader = "src/changes/feed-reader.ts";
const consumer = "src/database/consumer.ts";
const projectionRun = "src/database/projection-run.ts";

export const feedMutants: readonly Mutant[] = [
  {
    name: "feed-shows-what-is-not-durable",
    file: feedReader,
    find: "    const limit = toLsn ?? log.durableLsn;",
    replace: "    const limit = toLsn ?? log.acceptedLsn;",
    killedBy: { ...feedCrashes },
  },
  {
    name: "durable-is-told-before-the-sync",
    file: "src/log/commit-queue.ts",
    find: "    this.counters.syncs++;\n    try {\n      await file.sync();",
    replace:
      "    this.counters.syncs++;\n    this.#durableLsn = Math.max(this.#durableLsn, lsn);\n    this.#host.durableAdvanced(this.#durableLsn);\n    try {\n      await file.sync();",
    killedBy: { ...feedCrashes },
  },
  {
    name: "feed-off-by-one-where-it-goes-live",
    file: feedReader,
    find: '    if (this.#phase !== "live") {\n      this.#phase = "live";',
    replace:
      '    if (this.#phase !== "live") {\n      this.#nextLsn++;\n      this.#phase = "live";',
    killedBy: { file: "test/changes/live-feed.test.ts", title: "hands over without gap" },
  },
  {
    name: "ack-passes-one-change-too-many",
    file: consumer,
    find: "{ next: queued.end + 1, snapshot: false }",
    replace: "{ next: queued.end + 2, snapshot: false }",
    killedBy: { ...feedCrashes },
  },
  {
    name: "ack-in-the-middle-of-a-transaction-counts",
    file: "src/database/consumer-leases.ts",
    find: "    const end = transactionEndAt(this.#log, lsn);",
    replace: "    const end = transactionEndAt(this.#log, lsn) === 0 ? 0 : lsn;",
    killedBy: {
      file: "test/changes/consumer.test.ts",
      title: "in the middle of a transaction",
    },
  },
  {
    name: "fenced-reader-still-acks",
    file: "src/database/consumer-leases.ts",
    find: "    if (lease?.fencedBy !== undefined) throw lease.fencedBy;\n    if (position",
    replace: "    if (position",
    killedBy: {
      file: "test/changes/consumer.test.ts",
      title: "refuses a reader that was fenced off",
    },
  },
  {
    name: "position-of-a-consumer-survives-its-rejection",
    file: "src/database/database-core.ts",
    find: "      this.state.undo(last.undo);",
    replace: "",
    killedBy: {
      file: "test/changes/consumer.test.ts",
      title: "that could not be written rejects",
    },
  },
  {
    name: "cursor-of-a-projection-stored-without-its-map",
    file: projectionRun,
    find: "      Transaction.storeState(tx, outStateName(id, key), bytes ?? undefined);",
    replace:
      "      if (bytes === null) Transaction.storeState(tx, outStateName(id, key), undefined);",
    killedBy: { ...feedCrashes },
  },
  {
    name: "waiting-writers-forgotten-when-a-write-is-taken-back",
    file: "src/database/database-core.ts",
    find: "    this.background.stages.measure();\n",
    replace: "",
    killedBy: {
      file: "test/crash/corpus.test.ts",
      title: "layers break nothing any more",
      says: /never settles/,
    },
  },
  {
    name: "short-write-taken-for-a-whole-one",
    file: "src/disk/node-file.ts",
    find: '        done += count;\n      }\n    } catch (cause) {\n      throw this.#error("write"',
    replace:
      '        done += bytes.length;\n      }\n    } catch (cause) {\n      throw this.#error("write"',
    killedBy: {
      file: "test/disk/node-disk.test.ts",
      title: "reports the byte at which space ended",
    },
  },
  {
    name: "lock-file-alone-keeps-others-out",
    file: "src/disk/node-lock.ts",
    find: "    await listen(server, ",
    replace: "    if (record.pid === 0) await listen(server, ",
    killedBy: { file: "test/disk/node-lock.test.ts", title: "by socket" },
  },
];
