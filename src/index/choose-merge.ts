// Decides which adjacent runs to merge: few runs for reads, at a low price in bytes that are written again.

export interface RunSize {
  readonly bytes: number;
  readonly entries: number;
  readonly firstLsn: number;
  readonly lastLsn: number;
}

export interface MergePolicy {
  /** With more runs than this, some are merged; at least 1, default 8. */
  readonly runsMax?: number;
  /** No merge reads more; default without bound. With it, more runs than `runsMax` may have to stay. */
  readonly bytesMax?: number;
}

export const runsMaxDefault = 8;

/**
 * Which runs to merge, as an end-exclusive range of the list, which is newest first; undefined where none are to be.
 *
 * A merge takes a byte from a run of its own size to a larger one, by so many doublings. All that a byte can ever go through is
 * the doublings from a flush to the whole index, and each merge that rewrites it should use up many of them. So of all ranges
 * the one with the most doublings per byte is taken: many runs of about one size, and never a large run for a few small ones.
 */
export function chooseMerge(
  runs: readonly RunSize[],
  policy: MergePolicy = {},
): { from: number; to: number } | undefined {
  const { runsMax = runsMaxDefault, bytesMax = Number.POSITIVE_INFINITY } = policy;
  if (runs.length <= Math.max(1, runsMax)) return undefined;
  let best: { from: number; to: number } | undefined;
  let bestGain = -1;
  for (let from = 0; from < runs.length - 1; from++) {
    let bytes = 0;
    let weighted = 0;
    for (let to = from + 1; to <= runs.length; to++) {
      const own = Math.max(1, runs[to - 1]!.bytes);
      bytes += own;
      weighted += own * Math.log2(own);
      if (bytes > bytesMax) break;
      const gain = Math.log2(bytes) - weighted / bytes;
      if (to < from + 2 || gain <= bestGain) continue;
      best = { from, to };
      bestGain = gain;
    }
  }
  return best;
}
