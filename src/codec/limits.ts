// Owns every limit and default size of the engine, with its unit in its name, and checks at import that they fit
// together. Layout widths of file formats live beside those formats.

const KiB = 1024;
const MiB = 1024 * KiB;

export interface Limits {
  /** Longest key, label, edge type, property name, graph, map, event or consumer name: WTF-8 bytes. */
  readonly keyBytesMax: number;
  /** Largest encoded value: one map value, one event value, or one property. */
  readonly valueBytesMax: number;
  /** Deepest nesting of arrays and objects in a value; a scalar has depth 0, `[]` has depth 1. */
  readonly valueDepthMax: number;

  /** Labels of one node: with its key they are one entry of a tree on disk. */
  readonly labelsPerNodeMax: number;

  /** Where a frame is closed and the next begun: one read decodes one frame. */
  readonly framePayloadBytesTarget: number;
  /** Largest whole frame; beyond the target only where one record alone is larger. */
  readonly frameBytesMax: number;

  /** Range and default of the `segmentBytes` option. */
  readonly segmentBytesMin: number;
  readonly segmentBytesDefault: number;
  readonly segmentBytesMax: number;
  /** The active segment's file is extended in steps of this many bytes. */
  readonly segmentExtendBytes: number;

  /** Smallest and default `memoryBudget` option: caches and in-memory trees together. */
  readonly memoryBudgetBytesMin: number;
  readonly memoryBudgetBytesDefault: number;

  /** Default and largest `maxTransactionBytes` option: encoded bytes of one transaction. */
  readonly transactionBytesMaxDefault: number;
  readonly transactionBytesMaxCeiling: number;
  /** Default `maxPendingBytes` option: accepted bytes that are not yet written. */
  readonly pendingBytesMaxDefault: number;

  /** Default `allocationFlushMs` and `syncIntervalMs` options. */
  readonly allocationFlushMsDefault: number;
  readonly syncIntervalMsDefault: number;
  /** Longest interval option: what a 32-bit timer can wait. */
  readonly intervalMsMax: number;

  /** Largest encoded state of a projection. */
  readonly projectionStateBytesMax: number;
  /** Largest `out` of a projection, which is held in memory: keys, values and `projectionEntryBytes` for each. */
  readonly projectionOutBytesMax: number;
  readonly projectionEntryBytes: number;

  /** Largest node id; 2^32 - 1 is kept free as the mark of "none". */
  readonly nodeIdMax: number;
  /** Largest LSN, edge id, file offset or other count: the largest exact integer of a JS number. */
  readonly lsnMax: number;
}

export const limits: Limits = Object.freeze({
  keyBytesMax: 1024,
  valueBytesMax: 16 * MiB,
  valueDepthMax: 64,
  labelsPerNodeMax: 4096,
  framePayloadBytesTarget: 32 * KiB,
  frameBytesMax: 96 * MiB,
  segmentBytesMin: 64 * KiB,
  segmentBytesDefault: 64 * MiB,
  segmentBytesMax: 1024 * MiB,
  segmentExtendBytes: 8 * MiB,
  memoryBudgetBytesMin: 16 * MiB,
  memoryBudgetBytesDefault: 256 * MiB,
  transactionBytesMaxDefault: 64 * MiB,
  transactionBytesMaxCeiling: 1024 * MiB,
  pendingBytesMaxDefault: 256 * MiB,
  allocationFlushMsDefault: 5000,
  syncIntervalMsDefault: 1000,
  intervalMsMax: 2 ** 31 - 1,
  projectionStateBytesMax: MiB,
  projectionOutBytesMax: 16 * MiB,
  projectionEntryBytes: 64,
  nodeIdMax: 2 ** 32 - 2,
  lsnMax: Number.MAX_SAFE_INTEGER,
});

/** Throws where the limits contradict each other, naming the relation; run once at import. */
export function checkLimits(limits: Limits): void {
  const l = limits;
  const relations: readonly [string, boolean][] = [
    ["lsnMax is 2^53 - 1", l.lsnMax === 2 ** 53 - 1],
    ["nodeIdMax leaves one u32 free", l.nodeIdMax < 2 ** 32 - 1],
    ["a record of names fits a frame", 4 * l.keyBytesMax < l.framePayloadBytesTarget],
    ["a frame holds the largest record", l.valueBytesMax + MiB < l.frameBytesMax],
    ["a transaction holds the largest value", l.valueBytesMax < l.transactionBytesMaxDefault],
    ["transaction default in range", l.transactionBytesMaxDefault <= l.transactionBytesMaxCeiling],
    ["a transaction can be pending", l.transactionBytesMaxDefault <= l.pendingBytesMaxDefault],
    ["a value holds a projection's state", l.projectionStateBytesMax < l.valueBytesMax],
    ["a segment holds a usual frame", l.framePayloadBytesTarget + 8 * KiB <= l.segmentBytesMin],
    ["segment default is at least the minimum", l.segmentBytesMin <= l.segmentBytesDefault],
    ["segment default is at most the maximum", l.segmentBytesDefault <= l.segmentBytesMax],
    ["a segment is extended within itself", l.segmentExtendBytes <= l.segmentBytesDefault],
    ["offsets within a usual segment fit a u32", l.segmentBytesMax < 2 ** 32],
    ["memory default in range", l.memoryBudgetBytesMin <= l.memoryBudgetBytesDefault],
  ];
  for (const [relation, holds] of relations) {
    if (!holds) throw new Error(`limits that do not fit together: ${relation}`);
  }
}

checkLimits(limits);
