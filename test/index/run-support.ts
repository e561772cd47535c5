// What the tests of runs share: frozen layers made of sorted arrays, and what a run that is open shows.
import * as fc from "fast-check";
import type { Disk } from "../../src/disk/ports.ts";
import type { EntrySource } from "../../src/index/disk-tree-merge.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import type { EntryShape } from "../../src/index/page-format.ts";
import { Run } from "../../src/index/run.ts";
import type { FrozenSource } from "../../src/index/run-builder.ts";
import type { RunRecord } from "../../src/index/run-record.ts";
import { type TreeName, treeNames, treeShapes } from "../../src/index/tree-kind.ts";
import {
  databaseId,
  type Entry,
  type Model,
  modelOf,
  readAll,
  textOf,
} from "./disk-tree-support.ts";

export type Models = Readonly<Record<TreeName, Model>>;

/** Shows the entries of an array, so many of them as one leaf, behind words that are not theirs. */
class ArraySource implements EntrySource {
  words: Uint32Array = new Uint32Array(0);
  base = 0;
  leafEnd = 0;
  readonly #entries: readonly Entry[];
  readonly #width: number;
  readonly #leafEntries: number;
  #from = 0;

  constructor({ entries, shape }: Model, leafEntries: number) {
    this.#entries = entries;
    this.#width = shape.width;
    this.#leafEntries = leafEntries;
    this.#show();
  }

  get isValid(): boolean {
    return this.#from < this.#entries.length;
  }

  next(): boolean {
    if (this.base + this.#width === this.leafEnd) return this.nextLeaf();
    this.base += this.#width;
    return true;
  }

  nextLeaf(): boolean {
    this.#from += this.#leafEntries;
    this.#show();
    return this.isValid;
  }

  moveTo(base: number): void {
    this.base = base;
  }

  get keyChunk(): Uint8Array {
    return this.#entry.key;
  }
  get keyFrom(): number {
    return 0;
  }
  get keyTo(): number {
    return this.#entry.key.length;
  }
  get blobChunk(): Uint8Array {
    return Uint8Array.from([1, ...this.#entry.blob]);
  }
  get blobFrom(): number {
    return 1;
  }
  get blobTo(): number {
    return 1 + this.#entry.blob.length;
  }

  get #entry(): Entry {
    return this.#entries[this.#from + (this.base - this.#width) / this.#width]!;
  }

  #show(): void {
    const leaf = this.#entries.slice(this.#from, this.#from + this.#leafEntries);
    this.words = new Uint32Array((leaf.length + 2) * this.#width).fill(77);
    for (const [i, { words }] of leaf.entries()) this.words.set(words, (i + 1) * this.#width);
    this.base = this.#width;
    this.leafEnd = this.base + leaf.length * this.#width;
  }
}

export function removalsOf({ out }: Models): number {
  return out.entries.filter(({ words }) => words[5] !== 0 || words[6] !== 0).length;
}

export function layerOf(models: Models, firstLsn: number, lastLsn: number): FrozenSource {
  return {
    firstLsn,
    lastLsn,
    removals: removalsOf(models),
    count: (name) => models[name].entries.length,
    source: (name) => new ArraySource(models[name], models[name].entries.length > 1000 ? 128 : 3),
  };
}

/** Newest first: of equal keys the first one's entry stays. */
export function mergedModels(layers: readonly Models[]): Models {
  return eachTree((name) =>
    modelOf(
      treeShapes[name],
      layers.flatMap((layer) => layer[name].entries),
    ),
  );
}

export function eachTree(make: (name: TreeName) => Model): Models {
  return Object.fromEntries(treeNames.map((name) => [name, make(name)])) as unknown as Models;
}

export function textOfModels(models: Models): string {
  return treeNames.map((name) => `${name}\n${textOf(models[name].entries)}`).join("\n");
}

/** All entries of a run, as `textOfModels` shows them. */
export async function textOfRun(disk: Disk, directory: string, record: RunRecord): Promise<string> {
  const run = await Run.open(disk, directory, record, databaseId, new PageCache(2 ** 22));
  try {
    return treeNames
      .map((name) => {
        const tree = run.tree(name);
        return `${name}\n${tree === undefined ? "" : textOf(readAll(tree))}`;
      })
      .join("\n");
  } finally {
    await run.close();
  }
}

/** Few different words and keys, so that layers tell of the same things. */
function entryArbitrary({ keyBytes, width, blob }: EntryShape): fc.Arbitrary<Entry> {
  const none = fc.constant(new Uint8Array(0));
  const word = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 1 }) }, fc.nat({ max: 2 ** 32 - 1 }));
  return fc.record({
    key: keyBytes ? fc.uint8Array({ maxLength: 2, max: 3 }) : none,
    words: fc.array(word, { minLength: width, maxLength: width }),
    blob: blob ? fc.uint8Array({ maxLength: 90 }) : none,
  });
}

export function modelsArbitrary(entriesMax: number): fc.Arbitrary<Models> {
  const trees = treeNames.map((name) => {
    const shape = treeShapes[name];
    return fc
      .array(entryArbitrary(shape), { maxLength: entriesMax, size: "max" })
      .map((entries) => modelOf(shape, entries));
  });
  return fc.tuple(...trees).map((models) => eachTree((name) => models[treeNames.indexOf(name)]!));
}

/** Layers of a fixed content: `count` entries of each tree, of which some are told of by every layer. */
export function fixedModels(layer: number, count: number): Models {
  return eachTree((name) => {
    const shape = treeShapes[name];
    const entries = Array.from({ length: count }, (_, i) => {
      const lead = i % 3 === 0 ? i : i + 10_000 * layer;
      const words = new Array<number>(shape.width).fill(0);
      words[0] = lead;
      words[shape.width - 1] = layer % 2;
      const key = shape.keyBytes
        ? Uint8Array.from([lead >> 16, lead >> 8, lead])
        : new Uint8Array(0);
      const blob = shape.blob ? new Uint8Array(i % 100).fill(layer) : new Uint8Array(0);
      return { key, words, blob };
    });
    return modelOf(shape, entries);
  });
}

/** Hands out ids from one on. */
export function ids(from = 1): () => number {
  let next = from;
  return () => next++;
}
