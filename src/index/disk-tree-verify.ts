// Checks an on-disk tree from the first byte to the last: hashes, order, fences, counts, the filter, and that nothing lies between.

import { compareBytes } from "../codec/text.ts";
import type { DiskTree } from "./disk-tree.ts";
import { filterBytesOf } from "./disk-tree-format.ts";
import { childOffset, compareWords, type DecodedPage, noBytes } from "./page-decoded.ts";
import { CHILD_WORD, childWords } from "./page-format.ts";
import { corruptTree, type PageAddress } from "./page-reader.ts";

export interface VerifiedTree {
  readonly pageCount: number;
  readonly entryCount: number;
  readonly fileBytes: number;
}

/** An entry of a page, to compare with another's. */
interface Spot {
  readonly page: DecodedPage;
  readonly ordinal: number;
}

/** Checks all of a tree at once; throws CORRUPT for the first thing that is wrong. */
export function verifyTree(tree: DiskTree): VerifiedTree {
  const steps = verifySteps(tree);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
  }
}

/** As `verifyTree`, a page at a time, for callers that must not block: yields the offset of each page that was sound. */
export function* verifySteps(tree: DiskTree): Generator<number, VerifiedTree, undefined> {
  const report = (error: unknown): never => {
    throw error;
  };
  return yield* new TreeWalk(tree, report).run();
}

/**
 * As `verifySteps`, and goes on behind what is wrong: every page that can be reached is read, and `report` told of each that
 * is damaged. What only whole trees can be asked for is asked until the first one.
 */
export function* damageSteps(
  tree: DiskTree,
  report: (error: unknown) => void,
): Generator<number, unknown, undefined> {
  return yield* new TreeWalk(tree, report).run();
}

class TreeWalk {
  readonly #tree: DiskTree;
  /** Where each page lies and ends, by ordinal. */
  readonly #offsets: Float64Array;
  readonly #ends: Float64Array;
  /** The last page of each level so far. */
  readonly #lastOfLevel: (DecodedPage | undefined)[] = [];
  readonly #report: (error: unknown) => void;
  #isDamaged = false;
  #pageCount = 0;
  #leafCount = 0;
  #entryCount = 0;
  #keyCount = 0;

  /** @param report told of what is wrong; the walk goes on if it returns. */
  constructor(tree: DiskTree, report: (error: unknown) => void) {
    this.#tree = tree;
    this.#report = report;
    this.#offsets = new Float64Array(tree.footer.pageCount).fill(-1);
    this.#ends = new Float64Array(tree.footer.pageCount);
  }

  *run(): Generator<number, VerifiedTree, undefined> {
    const { footer, fileBytes } = this.#tree;
    const { height, rootOffset, rootLength, rootHash } = footer;
    if (height > 0) {
      const { lo: hashLo, hi: hashHi } = rootHash;
      const root = { offset: rootOffset, length: rootLength, hashLo, hashHi, level: height - 1 };
      yield* this.#walk(root, undefined);
    }
    this.#reporting(() => this.#checkEnds());
    this.#tree.loadFilter((error) => this.#found(error));
    return { pageCount: this.#pageCount, entryCount: this.#entryCount, fileBytes };
  }

  /** @param named the entry of the parent that names this page. */
  *#walk(address: PageAddress, named: Spot | undefined): Generator<number, void, undefined> {
    const page = this.#read(address);
    if (page === undefined) return;
    this.#reporting(() => this.#check(page, address, named));
    yield page.offset;
    if (page.level === 0) return;
    const childCount = page.count - (page.hasFence ? 1 : 0);
    for (let ordinal = 0; ordinal < childCount; ordinal++) {
      yield* this.#walk(this.#addressOf(page, ordinal), { page, ordinal });
    }
  }

  #read(address: PageAddress): DecodedPage | undefined {
    try {
      return this.#tree.readPage(address);
    } catch (error) {
      this.#found(error);
      return undefined;
    }
  }

  #check(page: DecodedPage, address: PageAddress, named: Spot | undefined): void {
    this.#enter(page, address);
    if (named !== undefined) {
      this.#must(this.#compare(named, { page, ordinal: 0 }) === 0, page, "first key of its parent");
    }
    this.#checkOrder(page);
    const before = this.#lastOfLevel[page.level];
    if (before !== undefined) this.#checkNeighbour(before, page);
    this.#lastOfLevel[page.level] = page;
    if (page.level === 0) this.#checkLeaf(page, before);
  }

  /** Behind damage nothing fits together any more, and the hashes alone say what is as it was written. */
  #reporting(check: () => void): void {
    if (this.#isDamaged) return;
    try {
      check();
    } catch (error) {
      this.#found(error);
    }
  }

  #found(error: unknown): void {
    this.#isDamaged = true;
    this.#report(error);
  }

  #enter(page: DecodedPage, address: PageAddress): void {
    const { ordinal, offset } = page;
    this.#must(ordinal < this.#offsets.length, page, "ordinal above the count of pages");
    this.#must(this.#offsets[ordinal] === -1, page, "ordinal of two pages");
    this.#offsets[ordinal] = offset;
    this.#ends[ordinal] = offset + address.length;
    this.#pageCount++;
  }

  #checkOrder(page: DecodedPage): void {
    for (let ordinal = 1; ordinal < page.count; ordinal++) {
      const order = this.#compare({ page, ordinal: ordinal - 1 }, { page, ordinal });
      this.#must(order < 0, page, `entry ${ordinal} out of order`);
    }
  }

  /** Two pages of a level, one after the other: the first one's fence is the second one's first entry. */
  #checkNeighbour(before: DecodedPage, page: DecodedPage): void {
    const last = { page: before, ordinal: before.count - 1 };
    const order = this.#compare(last, { page, ordinal: 0 });
    if (page.level === 0) {
      this.#must(order < 0, page, "page out of order");
      return;
    }
    this.#must(before.hasFence && order === 0, before, "fence");
    const stride = this.#tree.strideOf(page);
    const at = last.ordinal * stride;
    this.#must(
      compareWords(before.words, at, page.words, 0, stride) === 0,
      before,
      "fence with another child",
    );
  }

  #checkLeaf(page: DecodedPage, before: DecodedPage | undefined): void {
    const { footer, shape } = this.#tree;
    this.#must(!page.hasFence, page, "leaf with a fence");
    if (before === undefined) {
      this.#must(this.#isEnd(page, 0, footer.minWords, footer.minKey), page, "smallest key");
    }
    this.#leafCount++;
    this.#entryCount += page.count;
    let last: Spot | undefined =
      before === undefined ? undefined : { page: before, ordinal: before.count - 1 };
    for (let ordinal = 0; ordinal < page.count; ordinal++) {
      const spot = { page, ordinal };
      if (last === undefined || !this.#hasSameLead(last, spot)) {
        this.#keyCount++;
        this.#must(this.#filterHas(spot, shape.keyBytes), page, `entry ${ordinal} in no filter`);
      }
      last = spot;
    }
  }

  #checkEnds(): void {
    const { footer, file } = this.#tree;
    const last = this.#lastOfLevel[0];
    if (last !== undefined) {
      const isMax = this.#isEnd(last, last.count - 1, footer.maxWords, footer.maxKey);
      this.#must(isMax, last, "largest key");
    }
    for (const page of this.#lastOfLevel) {
      if (page !== undefined) this.#must(!page.hasFence, page, "fence at the end of a level");
    }
    const counts: readonly [string, number, number][] = [
      ["pages", this.#pageCount, footer.pageCount],
      ["leaves", this.#leafCount, footer.leafCount],
      ["entries", this.#entryCount, footer.entryCount],
      ["keys", this.#keyCount, footer.keyCount],
    ];
    for (const [what, counted, told] of counts) {
      if (counted !== told) {
        throw corruptTree(file.path, footer.footerOffset, `${counted} ${what}, not ${told}`);
      }
    }
    let end = 0;
    for (let ordinal = 0; ordinal < this.#offsets.length; ordinal++) {
      if (this.#offsets[ordinal] !== end) throw corruptTree(file.path, end, "bytes of no page");
      end = this.#ends[ordinal]!;
    }
    if (end !== footer.filterOffset || end + filterBytesOf(footer) !== footer.footerOffset) {
      throw corruptTree(file.path, end, "bytes between the pages and the footer");
    }
  }

  #filterHas({ page, ordinal }: Spot, keyBytes: boolean): boolean {
    const tree = this.#tree;
    if (!keyBytes) return tree.mayContain(page.words[ordinal * tree.width]!);
    const { keys, keyOffsets } = page;
    return tree.mayContainKey(keys, keyOffsets[ordinal]!, keyOffsets[ordinal + 1]!);
  }

  /** Whether two entries have the same byte string, or the same first word. */
  #hasSameLead(a: Spot, b: Spot): boolean {
    if (this.#tree.shape.keyBytes) return compareKeys(a, b) === 0;
    const { width } = this.#tree;
    return a.page.words[a.ordinal * width] === b.page.words[b.ordinal * width];
  }

  #isEnd(page: DecodedPage, ordinal: number, words: Uint32Array, key: Uint8Array): boolean {
    const { keyWords, width } = this.#tree;
    const { keys, keyOffsets } = page;
    const from = keyOffsets[ordinal] ?? 0;
    const to = keyOffsets[ordinal + 1] ?? 0;
    return (
      compareBytes(keys, from, to, key, 0, key.length) === 0 &&
      compareWords(page.words, ordinal * width, words, 0, keyWords) === 0
    );
  }

  #compare(a: Spot, b: Spot): number {
    const tree = this.#tree;
    const order = tree.shape.keyBytes ? compareKeys(a, b) : 0;
    if (order !== 0) return order;
    const aBase = a.ordinal * tree.strideOf(a.page);
    const bBase = b.ordinal * tree.strideOf(b.page);
    return compareWords(a.page.words, aBase, b.page.words, bBase, tree.keyWords);
  }

  #addressOf(page: DecodedPage, ordinal: number): PageAddress {
    const { words, level } = page;
    const at = ordinal * (this.#tree.keyWords + childWords) + this.#tree.keyWords;
    return {
      offset: childOffset(words, at),
      length: words[at + CHILD_WORD.length]!,
      hashLo: words[at + CHILD_WORD.hashLo]!,
      hashHi: words[at + CHILD_WORD.hashHi]!,
      level: level - 1,
    };
  }

  #must(holds: boolean, page: DecodedPage, reason: string): void {
    if (!holds) throw corruptTree(this.#tree.file.path, page.offset, reason);
  }
}

function compareKeys(a: Spot, b: Spot): number {
  const aKeys = a.page.keyOffsets.length === 0 ? noBytes : a.page.keys;
  const bKeys = b.page.keyOffsets.length === 0 ? noBytes : b.page.keys;
  return compareBytes(
    aKeys,
    a.page.keyOffsets[a.ordinal]!,
    a.page.keyOffsets[a.ordinal + 1]!,
    bKeys,
    b.page.keyOffsets[b.ordinal]!,
    b.page.keyOffsets[b.ordinal + 1]!,
  );
}
