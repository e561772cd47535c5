// A merge that erases nodes: every entry that names one goes, in every tree, and no other.
import { describe, expect, it } from "vitest";
import type { EntrySink } from "../../src/index/disk-tree-merge.ts";
import { ErasingSink, type LeftOut } from "../../src/index/merge-erasure.ts";
import { type TreeName, treeShapes } from "../../src/index/tree-kind.ts";

const text = new TextEncoder();

/** Notes entries with the key and the record that were set for them. */
class Notes implements EntrySink {
  entryCount = 0;
  readonly entries: string[] = [];
  readonly #width: number;
  #extra = "";

  constructor(width: number) {
    this.#width = width;
  }

  setKey(bytes: Uint8Array, from: number, to: number): void {
    this.#extra += Buffer.from(bytes.subarray(from, to)).toString();
  }

  setBlob(bytes: Uint8Array, from: number, to: number): void {
    this.setKey(bytes, from, to);
  }

  addRun(words: Uint32Array, base: number, end: number): void {
    for (let at = base; at < end; at += this.#width) this.add(words, at);
  }

  add(words: Uint32Array, base: number): void {
    this.entryCount++;
    this.entries.push(`${this.#extra}:${words.subarray(base, base + this.#width).join()}`);
    this.#extra = "";
  }
}

function leftOut(nodes: number[], families: number[] = [], maps: number[] = []): LeftOut {
  const [ids, numbers, ofMaps] = [nodes, families, maps].map((each) => Uint32Array.from(each));
  return { nodes: ids!, families: numbers!, maps: ofMaps! };
}

function kept(name: TreeName, ...entries: number[][]): string[] {
  const { width, keyBytes, blob } = treeShapes[name];
  const notes = new Notes(width);
  const sink = new ErasingSink(name, leftOut([7, 9]), notes);
  const words = Uint32Array.from(entries.flat());
  expect(words.length).toBe(entries.length * width);
  if (!keyBytes && !blob) sink.addRun(words, 0, words.length);
  for (let i = 0; (keyBytes || blob) && i < entries.length; i++) {
    const bytes = text.encode(`e${i}`);
    if (keyBytes) sink.setKey(bytes, 0, 2);
    if (blob) sink.setBlob(bytes, 0, 2);
    sink.add(words, i * width);
  }
  expect(sink.entryCount).toBe(entries.length);
  return notes.entries;
}

function keyIn(family: number, key: string): string {
  return `\u00ff\0\0\0${String.fromCharCode(family)}${key}`;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (unit) => unit.charCodeAt(0));
}

it("an entry with neither key nor record goes or stays by itself as in a run of them", () => {
  for (const name of Object.keys(treeShapes) as TreeName[]) {
    const { width, keyBytes, blob } = treeShapes[name];
    if (keyBytes || blob) continue;
    const run = new Notes(width);
    const single = new Notes(width);
    const words = Uint32Array.from({ length: width * 12 }, (_, i) => (i * 5) % 11);
    new ErasingSink(name, leftOut([7, 9]), run).addRun(words, 0, words.length);
    const sink = new ErasingSink(name, leftOut([7, 9]), single);
    for (let at = 0; at < words.length; at += width) sink.add(words, at);
    expect(single.entries).toEqual(run.entries);
    // Versions of edges name no node.
    if (name !== "edges") expect(single.entries.length).toBeLessThan(12);
  }
});

describe("a merge that erases", () => {
  it("leaves out edges with either end", () => {
    const stays = [7 + 1, 7, 9 - 1, 0, 7, 9, 7];
    for (const name of ["out", "in"] as const) {
      const found = kept(
        name,
        stays,
        [7, 1, 2, 0, 5, 0, 0],
        [1, 1, 9, 0, 6, 0, 0],
        [9, 1, 7, 0, 8, 0, 0],
        stays,
      );
      expect(found).toEqual([`:${stays}`, `:${stays}`]);
    }
  });

  it("leaves out versions of nodes, keys and labels, with what belongs to them", () => {
    expect(kept("nodes", [7, 0, 1, 0], [8, 7, 9, 7], [9, 0, 3, 2])).toEqual(["e1:8,7,9,7"]);
    expect(kept("keys", [7, 9, 1, 0], [0, 1, 7, 0], [0, 2, 9, 1])).toEqual(["e0:7,9,1,0"]);
    expect(kept("labels", [7, 1, 0, 9, 0], [1, 9, 0, 1, 0])).toEqual([":7,1,0,9,0"]);
  });

  it("keeps what stands behind the keys of maps", () => {
    const notes = new Notes(4);
    const sink = new ErasingSink("keys", leftOut([1, 7], [], [2]), notes);
    for (const [key, id] of [
      [keyIn(2, "a"), 1],
      [keyIn(3, "a"), 1],
      [keyIn(3, "b"), 3],
      ["a", 7],
      ["b", 1],
      ["c", 2],
    ] as const) {
      const bytes = latin1(key);
      sink.setKey(bytes, 0, bytes.length);
      sink.add(Uint32Array.of(0, 5, id, 0), 0);
    }
    const ends = notes.entries.map((entry) => entry.slice(-9));
    expect(ends).toEqual(["a:0,5,1,0", "b:0,5,3,0", "c:0,5,2,0"]);
  });

  it("leaves out what belongs to graphs and maps, and says which nodes did", () => {
    const keys = new Notes(4);
    const sink = new ErasingSink("keys", leftOut([], [2, 3], [2]), keys);
    for (const key of [keyIn(2, "a"), keyIn(3, "a"), keyIn(4, "a"), "b"]) {
      const bytes = latin1(key);
      sink.setKey(bytes, 0, bytes.length);
      sink.add(Uint32Array.of(0, 5, 1, 0), 0);
    }
    expect(keys.entries.map((entry) => entry.slice(-9))).toEqual(["a:0,5,1,0", "b:0,5,1,0"]);
    expect(sink.nodesFound).toEqual([]);

    const nodes = new Notes(4);
    const ofNodes = new ErasingSink("nodes", leftOut([], [2, 3], [2]), nodes);
    const long = "k".repeat(1000);
    for (const [id, key] of [
      [1, "plain"],
      [2, keyIn(3, "a")],
      [2, keyIn(3, "a")],
      [3, keyIn(4, long)],
      [4, keyIn(3, long)],
    ] as const) {
      const { length } = key;
      const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
      const item = Uint8Array.from([0, ...head, ...latin1(key), 0]);
      ofNodes.setBlob(item, 1, item.length);
      ofNodes.add(Uint32Array.of(id, 0, 5, 0), 0);
    }
    expect(nodes.entries.map((entry) => entry.slice(-8))).toEqual([":1,0,5,0", ":3,0,5,0"]);
    expect(ofNodes.nodesFound).toEqual([2, 4]);
  });

  it("keeps versions of edges, which name no node", () => {
    expect(kept("edges", [7, 9, 7, 9, 7])).toEqual([":7,9,7,9,7"]);
  });
});
