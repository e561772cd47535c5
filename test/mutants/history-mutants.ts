// Seeded bugs of what is left of the past: the horizon, compaction, views of earlier states, backups.
import type { Mutant } from "./mutant.ts";
import { layerCrashes } from "./suite-parts.ts";

const horizon = "src/compaction/horizon.ts";
const rules = "src/compaction/keep-or-drop.ts";
const rewriting = "src/log/segment-rewriting.ts";
const backup = "src/recovery/backup.ts";

const decided = {
  file: "test/compaction/horizon.test.ts",
  title: "is the lowest of all that counts",
} as const;

/** A life whose segments are rewritten, crashed at every call. */
const compactionCrashes = {
  file: "test/crash/compaction.test.ts",
  title: "loses nothing, and every file has one owner",
} as const;

/** What is left is replayed without any index. */
const compactedReplays = {
  file: "test/crash/compaction.test.ts",
  title: "nor where the log is all that is left",
} as const;

/** The same where the background alone rewrites. */
const restedReplays = {
  file: "test/crash/compaction.test.ts",
  title: "nor where the background alone has rewritten",
} as const;

/** Backups, the first and later ones, crashed at every call. */
const backupCrashes = {
  file: "test/crash/backup.test.ts",
  title: "leaves the old one or the new one",
} as const;

export const historyMutants: readonly Mutant[] = [
  {
    name: "horizon-passes-the-oldest-checkpoint",
    file: horizon,
    find: '  holders.push({ by: "checkpoint", lsn: checkpointLsn, name: undefined });',
    replace: "  void checkpointLsn;",
    killedBy: decided,
  },
  {
    name: "horizon-passes-an-open-view",
    file: horizon,
    find: "  if (pin !== undefined) holders.push({ by: pin.holder, lsn: pin.lsn, name: undefined });",
    replace: "  void pin;",
    killedBy: decided,
  },
  {
    name: "horizon-passes-a-consumer",
    file: horizon,
    find: "    if (!isExpired(reader)) holders.push(",
    replace: '    if (!isExpired(reader) && reader.kind !== "consumer") holders.push(',
    killedBy: {
      file: "test/database/compaction.test.ts",
      title: "waits for a consumer, by name",
    },
  },
  {
    name: "horizon-within-a-transaction",
    file: horizon,
    find: "  const end = lsn > current ? view.transactionEndAt(lsn) : current;",
    replace: "  const end = lsn > current ? lsn : current;",
    killedBy: decided,
  },
  {
    name: "lag-that-is-allowed-ends-a-reader",
    file: horizon,
    find: "durableLsn - lsn > maxConsumerLag;",
    replace: "durableLsn - lsn >= maxConsumerLag;",
    killedBy: decided,
  },
  {
    name: "clock-that-jumps-ahead-drops-history",
    file: horizon,
    find: "  return Math.min(now.wallMs, opened.wallMs + elapsed);",
    replace: "  return Math.max(now.wallMs, opened.wallMs + elapsed);",
    killedBy: {
      file: "test/compaction/horizon.test.ts",
      title: "is not hurried by a jump of the wall clock",
    },
  },
  {
    name: "removal-dropped-before-what-it-removes",
    file: rules,
    find: '  return isKnown && earlierAreGone ? "drop" : "keep";',
    replace: '  return isKnown || earlierAreGone ? "drop" : "keep";',
    killedBy: {
      file: "test/compaction/compactor.test.ts",
      title: "keeps a removal until what it removes is gone",
    },
  },
  {
    name: "creation-goes-with-what-it-was",
    file: rules,
    find: '  return creates ? "strip" : "drop";',
    replace: '  return "drop";',
    killedBy: restedReplays,
  },
  {
    name: "newest-version-dropped-with-the-old-ones",
    file: rules,
    find: '  if (newestLsn === lsn) return "fold";',
    replace: '  if (newestLsn === lsn) return "drop";',
    killedBy: compactedReplays,
  },
  {
    name: "edge-dropped-with-its-props",
    file: rules,
    find: '  return newestIsWhole || newestIsFull ? "strip" : "keep";',
    replace: '  return newestIsWhole || newestIsFull ? "drop" : "keep";',
    killedBy: {
      file: "test/compaction/keep-or-drop.test.ts",
      title: "leave of an edge its addition",
    },
  },
  {
    name: "manifest-names-a-rewritten-segment-before-its-name-is-synced",
    file: rewriting,
    find: "    if (drafts.length > 0) await this.#syncNames();",
    replace: "    if (drafts.length < 0) await this.#syncNames();",
    killedBy: compactionCrashes,
  },
  {
    name: "rewritten-segment-not-synced",
    file: "src/log/segment-draft.ts",
    find: "    await this.#file.sync();",
    replace: "    await Promise.resolve();",
    killedBy: compactionCrashes,
  },
  {
    name: "old-segment-removed-before-the-manifest-names-the-new-one",
    file: rewriting,
    find: "    this.#host.requireSound();\n    const entries = new Map",
    replace: `    for (const { name } of drafts.flatMap(({ olds }) => olds)) this.#retired.push(name);
    await this.#removeRetired();
    const entries = new Map`,
    killedBy: { ...compactionCrashes, says: /missing|ENOENT|is gone/ },
  },
  {
    name: "replaced-segment-never-removed",
    file: rewriting,
    find: "      this.#retired.push(old.name);",
    replace: "",
    killedBy: compactionCrashes,
  },
  {
    name: "layer-flushed-before-its-log-is-durable",
    file: "src/database/index-stages.ts",
    find: "    this.#frozenIsDurable = false;\n    this.measure();",
    replace: "    this.#frozenIsDurable = true;\n    this.measure();",
    killedBy: {
      file: "test/database/frozen-layer.test.ts",
      title: "goes into no file before its log is durable",
      says: /a frame that was not written/,
    },
  },
  {
    name: "checkpoint-position-within-a-frame",
    file: "src/log/commit-queue.ts",
    find: "    return this.#queue[this.#queue.length - 1]?.endFrame();",
    replace: "    return undefined;",
    killedBy: { ...layerCrashes, says: /holds a frame at/ },
  },
  {
    name: "view-without-a-pin-on-the-history",
    file: "src/database/snapshot.ts",
    find: "new HeldPin(this, log.pins, holder, lsn);",
    replace: "new HeldPin(this, log.pins, holder, Number.MAX_SAFE_INTEGER);",
    killedBy: {
      file: "test/database/time-travel-pins.test.ts",
      title: "hold the history until they are closed",
    },
  },
  {
    name: "view-of-half-a-transaction",
    file: "src/database/history-point.ts",
    find: '  return transactionEndAt(log, lsnOf(log, method, "the point", point));',
    replace: '  return lsnOf(log, method, "the point", point);',
    killedBy: {
      file: "test/database/time-travel.test.ts",
      title: "shows the last whole transaction",
    },
  },
  {
    name: "compacted-state-shown-as-if-it-were-whole",
    file: "src/database/history-point.ts",
    find: "  if (lsn < log.horizon) throw compacted(",
    replace: "  if (lsn < 0) throw compacted(",
    killedBy: {
      file: "test/database/time-travel.test.ts",
      title: "is HISTORY_COMPACTED",
    },
  },
  {
    name: "projection-of-another-version-goes-on",
    file: "src/database/projection-run.ts",
    find: "stored?.version === version && stored.feed",
    replace: "stored !== undefined && stored.feed",
    killedBy: {
      file: "test/changes/projection.test.ts",
      title: "starts over with another version",
    },
  },
  {
    name: "copied-segment-not-synced",
    file: backup,
    find: "        await copy.sync();",
    replace: "",
    killedBy: backupCrashes,
  },
  {
    name: "name-of-a-backups-directory-never-synced",
    file: backup,
    find: "    if (target.found === undefined) await disk.syncDirectory(disk.dirname(this.#directory));",
    replace: "",
    killedBy: {
      file: "test/crash/corpus.test.ts",
      title: "the folder history break nothing any more",
    },
  },
  {
    name: "backup-named-before-its-files-names-are-synced",
    file: backup,
    find: "    await disk.syncDirectory(this.#directory);\n    const store = await ManifestStore.create",
    replace: "    const store = await ManifestStore.create",
    killedBy: backupCrashes,
  },
  {
    name: "backup-goes-on-in-a-segment-without-saying-so",
    file: backup,
    find: "    if (from.state !== SEGMENT_STATE.cutPending) {",
    replace: "    if (from.id < 0) {",
    killedBy: backupCrashes,
  },
  {
    name: "erasure-done-before-a-checkpoint-is-without-it",
    file: "src/database/erasing.ts",
    find: "    await host.checkpoint();\n",
    replace: "",
    killedBy: {
      file: "test/crash/erase.test.ts",
      title: "is still to be done or done",
      says: /O9 erasure/,
    },
  },
];
