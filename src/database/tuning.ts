// Divides the memory budget, and says when the index is frozen, flushed and merged; tests shrink all of it to a few pages.
import type { GraphIndexOptions } from "../index/graph-layers.ts";
import { keySlotBytes } from "../index/key-table.ts";
import { pageBytesTargetDefault } from "../index/page-format.ts";

export interface Tuning {
  readonly index: GraphIndexOptions;
  /** Memory of the active layer, in bytes, at which it is frozen. */
  readonly activeBytesMax: number;
  /** Events behind the newest checkpoint at which the active layer is frozen: some 0.25 s of replay. */
  readonly activeEventsMax: number;
  /** Bytes of log behind the newest checkpoint at which the active layer is frozen. */
  readonly activeLogBytesMax: number;
  /**
   * Decoded pages and filters of the on-disk trees, with the cache of keys, which takes its part as keys come: so much in any case, and
   * so much while no layer in memory takes any.
   */
  readonly pageCacheBytes: number;
  readonly pageCacheBytesMax: number;
  readonly frameCacheBytes: number;
  /** Where a page is closed. */
  readonly pageBytes: number;
  /** Runs on disk beyond which some are merged, and beyond which writers wait for that. */
  readonly mergeAbove: number;
  readonly runsMax: number;
  /** Events that a clean close leaves to the next open's replay at most. */
  readonly closeEventsMax: number;
  /** Events between two points of the past whose counts are kept: half of them are counted for a view, in a ms or so. */
  readonly countAnchorEvents: number;
  /** How fast compaction reads and writes while it is not asked for. */
  readonly compactBytesPerSecond: number;
  /** With fewer bytes behind what may be rewritten, the background does not seal a segment for them, however little is live. */
  readonly sealBytesMin: number;
}

const MiB = 2 ** 20;

const keyCacheShare = 1 / 4;
/** 256 MiB, for 8 M keys. */
const keyCacheSlotsMax: number = 2 ** 23;
/** Strings are for reads of what is read often. */
const keyStringSlotsMax: number = 2 ** 18;
/** 8,192 edges: more would be sorted in one go for longer than a turn may last, and win nothing (D-163). */
const stagingBytesMax: number = 224 * 1024;

/** @param memoryBudget bytes; caches and in-memory trees together stay within it. */
export function tuningFor(memoryBudget: number): Tuning {
  const keyCacheSlots = Math.min(
    keyCacheSlotsMax,
    powerOfTwoBelow((memoryBudget * keyCacheShare) / keySlotBytes),
  );
  const stagingBytes = Math.min(stagingBytesMax, memoryBudget / 128);
  return {
    index: {
      keyCacheSlots,
      keyStringSlots: Math.min(keyStringSlotsMax, powerOfTwoBelow(memoryBudget / 1024)),
      chunkBytes: Math.min(MiB, powerOfTwoBelow(memoryBudget / 256)),
      stagingCapacity: Math.floor(stagingBytes / 28),
    },
    // Two of these are in memory at a time: one takes writes while the other is flushed.
    activeBytesMax: Math.floor(memoryBudget / 5),
    activeEventsMax: 2 ** 19,
    activeLogBytesMax: 96 * MiB,
    pageCacheBytes: Math.floor(memoryBudget * (7 / 16)),
    pageCacheBytesMax: Math.floor(memoryBudget * (7 / 16)) + 2 * Math.floor(memoryBudget / 5),
    frameCacheBytes: Math.floor(memoryBudget / 16),
    pageBytes: pageBytesTargetDefault,
    mergeAbove: 8,
    runsMax: 24,
    closeEventsMax: 2 ** 14,
    countAnchorEvents: 2 ** 14,
    compactBytesPerSecond: 32 * MiB,
    sealBytesMin: MiB,
  };
}

/** What pages may take while the layers in memory take so much: these two share what there is. */
export function pageCacheBytesFor(layerBytes: number, tuning: Tuning): number {
  return Math.max(tuning.pageCacheBytes, tuning.pageCacheBytesMax - layerBytes);
}

function powerOfTwoBelow(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}
