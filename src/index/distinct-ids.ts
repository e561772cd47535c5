// Ids in ascending order, each once: out of a few ascending runs, one from each layer that was read.

/** With more runs than this a sort of everything is as fast. */
const runsMax = 64;

const ends = new Uint32Array(runsMax);
let scratch = new Uint32Array(1024);

/** A fresh array of the first `count` ids, ascending and each once; the input may be reordered. */
export function distinct(ids: Uint32Array, count: number): Uint32Array {
  let runs = findRuns(ids, count);
  if (runs === 0) return withoutRepeats(ids.subarray(0, count).sort(), count);
  let from = ids;
  let to = runs > 1 ? scratchFor(count) : ids;
  // A merge sort that begins with the runs that are there: few of them, so few passes.
  while (runs > 1) {
    runs = mergePairs(from, to, runs);
    const merged = to;
    to = from;
    from = merged;
  }
  return withoutRepeats(from, count);
}

/** Notes where each ascending run ends; the number of them, 0 where they are too many. */
function findRuns(ids: Uint32Array, count: number): number {
  let runs = 0;
  for (let i = 1; i < count; i++) {
    if (ids[i]! >= ids[i - 1]!) continue;
    if (runs === runsMax - 1) return 0;
    ends[runs++] = i;
  }
  ends[runs++] = count;
  return runs;
}

/** Merges each two neighbouring runs into one; returns how many are left. */
function mergePairs(from: Uint32Array, to: Uint32Array, runs: number): number {
  let start = 0;
  let left = 0;
  for (let run = 0; run < runs; run += 2) {
    const middle = ends[run]!;
    const end = run + 1 < runs ? ends[run + 1]! : middle;
    mergeTwo(from, start, middle, end, to);
    ends[left++] = end;
    start = end;
  }
  return left;
}

function mergeTwo(
  from: Uint32Array,
  start: number,
  middle: number,
  end: number,
  to: Uint32Array,
): void {
  let a = start;
  let b = middle;
  let at = start;
  if (middle < end && (from[middle - 1]! | from[end - 1]!) >= 0) {
    // Which comes next is as good as random: a branch on it would be guessed wrong half the time. `less` is -1 or 0, which
    // the difference of two numbers below 2^31 tells.
    while (a < middle && b < end) {
      const second = from[b]!;
      const difference = (from[a]! - second) | 0;
      const less = difference >> 31;
      to[at++] = second + (difference & less);
      a -= less;
      b += 1 + less;
    }
  } else {
    while (a < middle && b < end) to[at++] = from[a]! <= from[b]! ? from[a++]! : from[b++]!;
  }
  while (a < middle) to[at++] = from[a++]!;
  while (b < end) to[at++] = from[b++]!;
}

function withoutRepeats(ids: Uint32Array, count: number): Uint32Array {
  if (count === 0) return new Uint32Array(0);
  let kept = 0;
  let last = ids[0]! | 0;
  for (let i = 1; i < count; i++) {
    const id = ids[i]! | 0;
    const difference = id ^ last;
    // 1 where they differ, without a branch.
    kept += (difference | -difference) >>> 31;
    ids[kept] = id;
    last = id;
  }
  return ids.slice(0, kept + 1);
}

function scratchFor(count: number): Uint32Array {
  if (scratch.length < count) scratch = new Uint32Array(count * 2);
  return scratch;
}
