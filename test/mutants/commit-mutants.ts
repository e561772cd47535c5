// Seeded bugs of group commit and of the active segment: what is written, synced and told in which order.
import type { Mutant } from "./mutant.ts";
import { failingCalls, firstCrashes, rejectedBehind, rejections } from "./suite-parts.ts";

const commitQueue = "src/log/commit-queue.ts";
const activeSegment = "src/log/active-segment.ts";
const segmentLog = "src/log/segment-log.ts";

export const commitMutants: readonly Mutant[] = [
  {
    name: "acknowledges-before-the-sync",
    file: commitQueue,
    find: "    if (group.wantsSync) this.#syncWanted = true;",
    replace: `    for (const transaction of group.transactions) settle(transaction);
    if (group.wantsSync) this.#syncWanted = true;`,
    killedBy: { ...firstCrashes, says: /O1 durability/ },
  },
  {
    name: "no-sync-of-a-group",
    file: commitQueue,
    find: "      await file.sync();\n      this.#host.witness(lsn, hash);",
    replace: "      await Promise.resolve();\n      this.#host.witness(lsn, hash);",
    killedBy: { ...firstCrashes, says: /O1 durability/ },
  },
  {
    name: "sync-covers-what-was-written-after-it-began",
    file: commitQueue,
    find: `    if (this.#poison !== undefined) return;
    this.#published(ordinal, lsn);
    this.#pump();`,
    replace: `    if (this.#poison !== undefined) return;
    this.#published(this.#writtenOrdinal, this.#writtenLsn);
    this.#pump();`,
    killedBy: {
      file: "test/log/commit-queue.property.test.ts",
      title: "acknowledges nothing early",
      says: /Property failed/,
    },
  },
  {
    name: "sync-tried-again-after-it-failed",
    file: commitQueue,
    find: "      await file.sync();\n      this.#host.witness(lsn, hash);",
    replace:
      "      await file.sync().catch(() => file.sync());\n      this.#host.witness(lsn, hash);",
    killedBy: { ...failingCalls, says: /is damaged/ },
  },
  {
    name: "failed-write-not-cut-back",
    file: commitQueue,
    find: "    await active.cutBack();",
    replace: "    await active.file.sync();",
    killedBy: { ...rejections, says: /O2 prefix|phantom/ },
  },
  {
    name: "rejects-the-failed-group-alone",
    file: commitQueue,
    find: `    for (const group of this.#queue) this.#pendingBytes -= group.length;
    this.#queue = [];
    this.#acceptedLsn = this.#writtenLsn;`,
    replace: `    for (const group of this.#queue) this.#pendingBytes -= group.length;
    this.#queue = this.#queue.slice(1);
    this.#acceptedLsn = this.#writtenLsn;`,
    killedBy: { ...rejectedBehind, says: /makes no sense|O2 prefix|O9/ },
  },
  {
    name: "cut-back-without-a-sync",
    file: activeSegment,
    find: "    this.segment.state = SEGMENT_STATE.active;\n    await this.file.sync();",
    replace: "    this.segment.state = SEGMENT_STATE.active;",
    killedBy: { ...rejections, says: /O2 prefix|phantom|O8 idempotence: after an orderly close/ },
  },
  {
    name: "no-sync-of-a-segments-name",
    file: activeSegment,
    find: "      await orSyncFailure(disk.syncDirectory(directory));",
    replace: "",
    killedBy: { ...firstCrashes, says: /missing/ },
  },
  {
    name: "no-sync-of-a-segments-header",
    file: activeSegment,
    find: "      await orSyncFailure(file.sync());\n      await orSyncFailure(disk",
    replace: "      await orSyncFailure(disk",
    killedBy: { ...firstCrashes, says: /header/ },
  },
  {
    name: "no-sync-of-a-sealed-segment",
    file: activeSegment,
    find: "    await orSyncFailure(file.sync());\n    segment.fileBytes",
    replace: "    segment.fileBytes",
    killedBy: { ...firstCrashes, says: /footer/ },
  },
  {
    name: "nonce-that-is-always-the-same",
    file: activeSegment,
    find: "getHash(random.bytes(8), 0)",
    replace: "getHash(new Uint8Array(8).fill(7), 0)",
    killedBy: {
      file: "test/crash/every-call.test.ts",
      title: "gives every segment a nonce of its own",
      says: /expected/,
    },
  },
  {
    name: "manifest-names-the-segment-before-it-is-made",
    file: segmentLog,
    find: `    this.#created ??= await reserve.orGiven(() => this.#createSegment(old.segment));
    const next = this.#created;
    await this.#name(`,
    replace: `    const soon = Segment.following(manifest.current.nextSegmentId, old.segment.lastLsn, old.segment);
    await orSyncFailure(
      manifest.edit(() => ({
        segments: [...segments, soon].map((segment) => segment.toManifest()),
      })),
    );
    this.#created ??= await reserve.orGiven(() => this.#createSegment(old.segment));
    const next = this.#created;
    await this.#name(`,
    killedBy: { ...firstCrashes, says: /missing|begins at/ },
  },
  {
    name: "clean-mark-at-every-sync",
    file: segmentLog,
    find: "        watermark.write(durableLsn, lastHash, false);",
    replace: "        watermark.write(durableLsn, lastHash, true);",
    killedBy: {
      file: "test/crash/faults.test.ts",
      title: "does not come back once a reader has seen",
      says: /O2 prefix|phantom/,
    },
  },
  {
    name: "error-on-close-swallowed",
    file: segmentLog,
    find: "      failure ??= await this.#leaveCleanMark();",
    replace: "      await this.#leaveCleanMark();",
    killedBy: {
      file: "test/crash/rejected.test.ts",
      title: "a close rejects",
      says: /fulfilled|instead of rejecting/,
    },
  },
];
