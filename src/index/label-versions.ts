// Which nodes have which label, since when and until when.

import { TreeFloor, twoTo32 } from "./tree-floor.ts";
import { type WordCursor, WordTree, type WordTreeOptions } from "./word-tree.ts";

const width = 5;
const labelDropped = 1;

/** Entries are (label, node id, LSN | flags). */
export class LabelVersions {
  readonly #tree: WordTree;
  readonly #cursor: WordCursor;
  readonly #floor = new TreeFloor();
  readonly #probe = new Uint32Array(width);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.#tree = new WordTree({ ...options, width, payloadWords: 1 });
    this.#cursor = this.#tree.cursor();
  }

  get splits(): number {
    return this.#tree.splits;
  }

  get bytes(): number {
    return this.#tree.bytes;
  }

  get count(): number {
    return this.#tree.count;
  }

  insert(label: number, node: number, lsn: number, isDrop: boolean): void {
    const { probe } = this.#tree;
    this.#aim(probe, label, node, lsn);
    probe[4] = isDrop ? labelDropped : 0;
    this.#tree.insert();
  }

  remove(label: number, node: number, lsn: number): void {
    this.#aim(this.#tree.probe, label, node, lsn);
    this.#tree.remove();
  }

  has(label: number, node: number, lsn: number): boolean {
    const probe = this.#probe;
    this.#aim(probe, label, node, lsn);
    const floor = this.#floor;
    if (!floor.find(this.#tree, probe)) return false;
    const { words, base } = floor;
    return words[base] === label && words[base + 1] === node && words[base + 4] === 0;
  }

  /** The ids of the nodes with a label, ascending; undefined where there are more than `idsMax` of them. */
  nodesWith(label: number, lsn: number, idsMax: number): Uint32Array | undefined {
    const probe = this.#probe;
    this.#aim(probe, label, 0, 0);
    const cursor = this.#cursor;
    let ids = new Uint32Array(Math.min(64, idsMax));
    let count = 0;
    let entriesLeft = idsMax * 4;
    for (let more = cursor.seek(probe, 2); more; more = cursor.nextLeaf()) {
      const { words, leafEnd } = cursor;
      for (let base = cursor.base; base < leafEnd; base += width) {
        if (words[base] !== label) return ids.slice(0, count);
        // Old versions count as well: it is the walk that must be bounded.
        if (entriesLeft-- === 0) return undefined;
        const node = words[base + 1]!;
        if (words[base + 2]! * twoTo32 + words[base + 3]! > lsn) continue;
        const isLast = count > 0 && ids[count - 1] === node;
        if (words[base + 4] !== 0) {
          if (isLast) count--;
        } else if (!isLast) {
          if (count === idsMax) return undefined;
          if (count === ids.length) {
            const grown = new Uint32Array(Math.min(idsMax, count * 2));
            grown.set(ids);
            ids = grown;
          }
          ids[count++] = node;
        }
      }
    }
    return ids.slice(0, count);
  }

  clear(): void {
    this.#tree.clear();
  }

  /** Throws an Error naming the first broken invariant of the tree. */
  check(): void {
    this.#tree.check();
  }

  #aim(probe: Uint32Array, label: number, node: number, lsn: number): void {
    probe[0] = label;
    probe[1] = node;
    probe[2] = lsn / twoTo32;
    probe[3] = lsn >>> 0;
  }
}
