// The node of the in-memory B+Trees: a typed array of fixed-width word tuples, and links. One class serves leaves and inner
// nodes, so that every descent stays monomorphic.

/**
 * In a leaf, tuple i is entry i. In an inner node, tuple i is the separator of child i: a lower bound of every key below that
 * child, and above every key below child i - 1. The separator of child 0 is never read.
 */
export class TreeNode {
  readonly words: Uint32Array;
  readonly children: TreeNode[] | undefined;
  count = 0;
  /** Neighbours in key order; leaves only. */
  next: TreeNode | undefined = undefined;
  prev: TreeNode | undefined = undefined;

  constructor(wordCount: number, children: TreeNode[] | undefined) {
    this.words = new Uint32Array(wordCount);
    this.children = children;
  }
}

/** Puts a new leaf right after another one in the chain of leaves. */
export function linkAfter(leaf: TreeNode, added: TreeNode): void {
  added.prev = leaf;
  added.next = leaf.next;
  if (leaf.next !== undefined) leaf.next.prev = added;
  leaf.next = added;
}

/** Takes a leaf out of the chain; its own links are cleared so that nothing can walk on from it. */
export function unlink(leaf: TreeNode): void {
  if (leaf.prev !== undefined) leaf.prev.next = leaf.next;
  if (leaf.next !== undefined) leaf.next.prev = leaf.prev;
  leaf.prev = undefined;
  leaf.next = undefined;
}

/** Copies tuple words; for tuples the loop beats the built-ins, whose call costs more than the copy. */
export function copyWords(
  from: Uint32Array,
  fromBase: number,
  to: Uint32Array,
  toBase: number,
  count: number,
): void {
  for (let word = 0; word < count; word++) to[toBase + word] = from[fromBase + word]!;
}

/** Whether a tuple of `count` words comes before another. */
export function isBelow(
  words: Uint32Array,
  base: number,
  other: Uint32Array,
  otherBase: number,
  count: number,
): boolean {
  for (let word = 0; word < count; word++) {
    const here = words[base + word]!;
    const there = other[otherBase + word]!;
    if (here !== there) return here < there;
  }
  return false;
}

/** Whether two tuples of `count` words are the same. */
export function isSame(
  words: Uint32Array,
  base: number,
  other: Uint32Array,
  otherBase: number,
  count: number,
): boolean {
  // From the end, where entries differ most.
  for (let word = count - 1; word >= 0; word--) {
    if (words[base + word] !== other[otherBase + word]) return false;
  }
  return true;
}

// Measured: below this many words a loop beats copyWithin.
const loopWordsMax = 96;

/** Moves words within one array, regions may overlap. */
export function moveWords(words: Uint32Array, to: number, from: number, end: number): void {
  if (end - from > loopWordsMax) {
    words.copyWithin(to, from, end);
  } else if (to > from) {
    for (let at = end - 1, shift = to - from; at >= from; at--) words[at + shift] = words[at]!;
  } else {
    for (let at = from, shift = to - from; at < end; at++) words[at + shift] = words[at]!;
  }
}

const lineWords = 16;

/**
 * Reads one word of each cache line. These reads overlap, where those of a search would wait for memory one after another: a
 * quarter more inserts per second, measured on a tree of 40 MB.
 */
export function sumOfLines(words: Uint32Array, end: number): number {
  let sum = 0;
  for (let at = 0; at < end; at += lineWords) sum = (sum + words[at]!) | 0;
  return sum;
}
