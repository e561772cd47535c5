// Which nodes have which label, since when and until when.

import { twoTo32 } from "./tree-floor.ts";
import { WordLayers } from "./word-layers.ts";
import type { WordTreeOptions } from "./word-tree.ts";

const width = 5;
export const labelDropped = 1;

/** Entries are (label, node id, LSN | flags). */
export class LabelVersions {
  readonly layers: WordLayers;
  readonly #probe = new Uint32Array(width);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.layers = new WordLayers({ ...options, width, payloadWords: 1 });
  }

  get count(): number {
    return this.layers.count;
  }

  insert(label: number, node: number, lsn: number, isDrop: boolean): void {
    const { active } = this.layers;
    const { probe } = active;
    this.#aim(probe, label, node, lsn);
    probe[4] = isDrop ? labelDropped : 0;
    active.insert();
  }

  remove(label: number, node: number, lsn: number): void {
    this.#aim(this.#probe, label, node, lsn);
    this.layers.remove(this.#probe);
  }

  has(label: number, node: number, lsn: number): boolean {
    const probe = this.#probe;
    this.#aim(probe, label, node, lsn);
    const { layers } = this;
    return layers.find(probe, 2) && layers.words[layers.base + 4] === 0;
  }

  /** The ids of the nodes with a label, ascending; undefined where there are more than `idsMax` of them. */
  nodesWith(label: number, lsn: number, idsMax: number): Uint32Array | undefined {
    const probe = this.#probe;
    this.#aim(probe, label, 0, 0);
    const { layers } = this;
    const cursor = layers.isSingle ? layers.cursors[0]! : layers.merged;
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

  #aim(probe: Uint32Array, label: number, node: number, lsn: number): void {
    probe[0] = label;
    probe[1] = node;
    probe[2] = lsn / twoTo32;
    probe[3] = lsn >>> 0;
  }
}
