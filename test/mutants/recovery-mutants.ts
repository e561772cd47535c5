// Seeded bugs of the manifest and of recovery: what an opening believes, and what it makes durable before anyone sees it.
import type { Mutant } from "./mutant.ts";
import {
  failingCalls,
  firstCrashes,
  fullDisk,
  plainPlans,
  secondCrashes,
  tailCuts,
  weakCrashes,
} from "./suite-parts.ts";

const manifestStore = "src/log/manifest-store.ts";
const recover = "src/recovery/recover.ts";
const replay = "src/recovery/replay.ts";
const directory = "src/recovery/database-directory.ts";

export const recoveryMutants: readonly Mutant[] = [
  {
    name: "both-copies-of-the-manifest-written-before-one-is-synced",
    file: manifestStore,
    find: `    await first.sync();
    // Order: the second copy, the only sound one there may be, is touched once the first is durable.
    second.writeSync(bytes, 0);`,
    replace: `    second.writeSync(bytes, 0);
    await first.sync();`,
    killedBy: {
      file: "test/log/small-files.test.ts",
      title: "torn anywhere leaves the old one or the new one",
      says: /undefined/,
    },
  },
  {
    name: "manifest-without-a-sync",
    file: manifestStore,
    find: `    await first.sync();
    // Order: the second copy, the only sound one there may be, is touched once the first is durable.
    second.writeSync(bytes, 0);
    await second.sync();`,
    replace: "    second.writeSync(bytes, 0);",
    killedBy: { ...firstCrashes, says: /lost|damaged|phantom|idempotence/ },
  },
  {
    name: "older-copy-of-the-manifest-counts",
    file: manifestStore,
    find: "copy.edit > manifest.edit) {",
    replace: "copy.edit < manifest.edit) {",
    killedBy: {
      file: "test/log/small-files.test.ts",
      title: "is found whichever copy is sound",
      says: /expected/,
    },
  },
  {
    name: "manifest-found-is-not-made-durable",
    file: manifestStore,
    find: "      await store.#settle(edits);",
    replace: "      await Promise.resolve([store, store.#settle]);",
    killedBy: { ...plainPlans, says: /is damaged at offset 0 .missing/ },
  },
  {
    name: "creation-that-was-cut-short-goes-on-with-its-names",
    file: directory,
    find: 'manifest.segments.length === 0 && isBegun ? "empty" : "database";',
    replace: '"database";',
    killedBy: { ...plainPlans, says: /both copies of the manifest are lost/ },
  },
  {
    name: "name-that-a-failed-sync-lost-relied-on",
    file: "src/log/small-file.ts",
    find: "await disk.unlink(path).catch(() => {});",
    replace: "await disk.stat(path);",
    killedBy: { ...plainPlans, says: /after an orderly close: .*watermark/ },
  },
  {
    name: "no-sync-of-the-directorys-name-at-creation",
    file: directory,
    find: "  await disk.syncDirectory(disk.dirname(path));",
    replace: "",
    killedBy: { ...firstCrashes, says: /is lost/ },
  },
  {
    name: "database-without-a-manifest-is-begun-anew",
    file: directory,
    find: "  if (orphan !== undefined) {",
    replace: "  if (orphan === names) {",
    killedBy: {
      file: "test/corruption/every-length.test.ts",
      title: "both copies of the manifest gone",
      says: /other answers|expected/,
    },
  },
  {
    name: "torn-tail-not-cut-off",
    file: recover,
    find: "    if (!clean) await active.cutBack();",
    replace: "",
    killedBy: { ...firstCrashes, says: /idempotence|orderly close|is damaged/ },
  },
  {
    name: "what-is-recovered-is-synced-in-place",
    file: recover,
    find: "    const moves = proven.offset < end.offset && !clean;",
    replace: `    if (proven.offset < end.offset && !clean) await log.file.sync();
    const moves = proven.offset < 0 && proven.offset < end.offset;`,
    killedBy: { ...failingCalls, says: /is damaged|is lost/ },
  },
  {
    name: "moved-suffix-not-synced",
    file: "src/recovery/reappend.ts",
    find: "    await active.file.sync();",
    replace: "",
    killedBy: { ...secondCrashes, says: /is damaged|is lost/ },
  },
  {
    name: "old-suffix-cut-before-the-manifest-names-the-copy",
    file: recover,
    find: `    await this.#install(store, segments, active.segment.id + 1);
    // Order: only now that the manifest names the copy may the old bytes go.
    if (empty) {`,
    replace: `    if (!empty) {
      await new ActiveSegment(old, log.file, log.scan.fileBytes).seal();
      old.state = SEGMENT_STATE.cutPending;
    }
    await this.#install(store, segments, active.segment.id + 1);
    if (empty) {`,
    killedBy: { ...secondCrashes, says: /is damaged|is lost/ },
  },
  {
    name: "segment-id-used-twice",
    file: recover,
    find: "      nextSegmentId: nextId ?? nextSegmentId,",
    replace: "      nextSegmentId,",
    killedBy: { ...firstCrashes },
  },
  {
    name: "cut-not-announced-in-the-manifest",
    file: recover,
    find: "      old.state = SEGMENT_STATE.cutPending;",
    replace: "      old.state = SEGMENT_STATE.sealed;",
    killedBy: { ...secondCrashes, says: /footer|is damaged/ },
  },
  {
    name: "announced-cut-not-finished",
    file: recover,
    find: "    if (segment === undefined) return;\n    const { disk }",
    replace: "    if (segment === undefined || segment.id > 0) return;\n    const { disk }",
    killedBy: { ...secondCrashes, says: /footer|is damaged|idempotence|wrong end/ },
  },
  {
    name: "stray-segment-left-where-it-is",
    file: recover,
    find: "    await this.#setAsideStrays(manifest, names);",
    replace: "    await Promise.resolve(manifest);",
    killedBy: { ...firstCrashes },
  },
  {
    name: "cut-tail-not-kept-aside",
    file: recover,
    find: `    if (log.decision.action === "cut") await this.#saveTail(log, end);`,
    replace: "",
    killedBy: { ...tailCuts, says: /expected/ },
  },
  {
    name: "kept-tail-written-over-by-the-next-one",
    file: "src/recovery/quarantine.ts",
    find: "offset}.tail`;",
    replace: "offset * 0}.tail`;",
    killedBy: { ...tailCuts, says: /expected/ },
  },
  {
    name: "epoch-not-raised-by-an-opening",
    file: recover,
    find: "      epoch: epoch + 1,",
    replace: "      epoch: Math.max(1, epoch),",
    killedBy: {
      file: "test/database/fencing.test.ts",
      title: "overtaken by every opening",
      says: /was acknowledged/,
    },
  },
  {
    name: "watermark-not-written-by-a-recovery",
    file: "src/recovery/small-files.ts",
    find: "      this.watermark.write(lastLsn, lastHash, false);",
    replace: "      await Promise.resolve([lastLsn, lastHash]);",
    killedBy: {
      file: "test/corruption/unclean-stop.test.ts",
      title: "proven from then on",
      says: /other answers than before/,
    },
  },
  {
    name: "reserve-kept-when-the-disk-is-full",
    file: recover,
    find: `    if (moves || log.decision.action === "cut") {`,
    replace: `    if (moves && log.decision.action === "refuse") {`,
    killedBy: { ...fullDisk, says: /DISK_FULL|ENOSPC/ },
  },
  {
    name: "piece-of-a-transaction-applied-without-its-end",
    file: replay,
    find: "      this.openFrom ??= pointOf(segment);\n      this.#hold(header, bytes, from, to);\n      return;",
    replace:
      "      this.#apply(segment, { payload: bytes, from, to, firstLsn, timeMs, eventCount });\n      return;",
    killedBy: { ...firstCrashes, says: /makes no sense|atomicity|prefix|without its/ },
  },
  {
    name: "state-behind-the-watermarks-frame-counts-as-durable",
    file: replay,
    find: "const covered = isMark || (!this.watermarkSeen && segment.lastLsn <= mark.durableLsn);",
    replace: "const covered = isMark || segment.lastLsn <= mark.durableLsn;",
    killedBy: { ...plainPlans, says: /is damaged/ },
  },
  {
    name: "damage-below-the-watermark-cut-off-as-a-torn-tail",
    file: "src/recovery/recovery-case.ts",
    find: "  if (found.belowProven) return",
    replace: '  if (found.belowProven && found.end === "sealed-end") return',
    killedBy: {
      file: "test/corruption/every-length.test.ts",
      title: "where it is the last segment and misses a byte",
      says: /other answers than before/,
    },
  },
  {
    name: "no-witness-in-later-frames",
    file: "src/recovery/segment-scan.ts",
    find: "      if (header.durableLsn > segment.lastLsn) witness = true;",
    replace: "",
    killedBy: {
      file: "test/corruption/unclean-stop.test.ts",
      title: "is witness enough",
      says: /promise resolved/,
    },
  },
  {
    name: "frame-of-a-torn-window-taken-for-the-next-one",
    file: "src/recovery/segment-scan.ts",
    find: "    const chained = header.previousHash === segment.lastHash.lo;",
    replace: "    const chained = header.previousHash !== -1;",
    killedBy: {
      file: "test/corruption/hostile-content.test.ts",
      title: "goes on from another frame",
      says: /expected/,
    },
  },
  {
    name: "checksum-of-a-frame-not-looked-at",
    file: "src/log/frame-codec.ts",
    find: '  if (hashScratch[0] !== into.hashLo || hashScratch[1] !== into.hashHi) return "hash";',
    replace: "",
    killedBy: { ...firstCrashes, says: /makes no sense|is damaged|phantom|O2 prefix|idempotence/ },
  },
  {
    name: "footer-of-a-sealed-segment-not-looked-at",
    file: "src/recovery/scan-log.ts",
    find: '  if (!sound) throw damage(segment, scan.offset, "footer", {});',
    replace: "  void sound;",
    killedBy: {
      file: "test/corruption/every-length.test.ts",
      title: "followed by themselves once more",
      says: /expected .same. to be .refused./,
    },
  },
  {
    name: "sequence-of-the-watermark-not-looked-at",
    file: "src/log/watermark.ts",
    find: "    if (watermark === undefined || found.sequence > watermark.sequence) watermark = found;",
    replace: "    watermark = found;",
    killedBy: { ...firstCrashes, says: /rebuilt|idempotence|orderly close|is damaged/ },
  },
  {
    name: "lsns-of-a-frame-without-events-believed",
    file: "src/recovery/segment-scan.ts",
    find: "    if (header.eventCount > 0) expectedLsn",
    replace: "    expectedLsn",
    killedBy: { ...plainPlans, says: /misplaced/ },
  },
  {
    name: "large-transaction-without-a-mark-that-it-goes-on",
    file: "src/log/group.ts",
    find: "(i < cuts.length ? FRAME_FLAG.unfinished : 0)",
    replace: "(i < 0 ? FRAME_FLAG.unfinished : 0)",
    killedBy: { ...weakCrashes },
  },
  {
    name: "repaired-segment-without-a-sync",
    file: "src/recovery/salvage-writer.ts",
    find: "    await active.seal();",
    replace: "    active.file.sync = () => Promise.resolve();\n    await active.seal();",
    killedBy: {
      file: "test/crash/salvage.test.ts",
      title: "is finished by the next one: a frame of the first segment",
    },
  },
];
