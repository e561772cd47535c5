// What reads of a named graph stand on: a source of the whole database, and the number that the name has as of an LSN.

import { KeyPages } from "../index/key-pages.ts";
import { NAME_KIND } from "../log/name-table.ts";
import type { Counts, ReadSource } from "./read-source.ts";

const noCounts: Counts = Object.freeze({ nodes: 0, edges: 0 });

export class GraphSource implements ReadSource {
  readonly #base: ReadSource;
  readonly #name: string;
  #countedLsn = -1;
  #counts: Counts = noCounts;

  constructor(base: ReadSource, name: string) {
    this.#base = base;
    this.#name = name;
  }

  get index(): ReadSource["index"] {
    return this.#base.index;
  }

  get events(): ReadSource["events"] {
    return this.#base.events;
  }

  get names(): ReadSource["names"] {
    return this.#base.names;
  }

  get epoch(): number {
    return this.#base.epoch;
  }

  get hold(): ReadSource["hold"] {
    return this.#base.hold;
  }

  lsn(method: string): number {
    return this.#base.lsn(method);
  }

  graph(lsn: number): number {
    return this.#base.index.familyNamed(NAME_KIND.graph, this.#name, lsn);
  }

  check(lsn: number, epoch: number): void {
    this.#base.check(lsn, epoch);
  }

  /** As kept for now; as of an LSN in the past they are counted, once. */
  counts(): Counts {
    const lsn = this.lsn("counts");
    const { index } = this.#base;
    const graph = this.graph(lsn);
    const family = index.families.get(graph);
    if (family === undefined) return noCounts;
    if (index.isCurrent(lsn)) return { nodes: family.nodes, edges: family.edges };
    if (this.#countedLsn !== lsn) {
      this.#counts = countIn(this.#base, graph, lsn);
      this.#countedLsn = lsn;
    }
    return this.#counts;
  }
}

/** Walks over everything in a graph. */
function countIn({ index }: ReadSource, graph: number, lsn: number): Counts {
  const none = new Uint8Array(0);
  const pages = new KeyPages({ graph, prefix: none, after: none, lsn });
  let nodes = 0;
  let edges = 0;
  while (pages.fill(index.keyCursor)) {
    nodes += pages.count;
    for (let i = 0; i < pages.count; i++) {
      edges += index.degree(pages.ids[i]!, "out", undefined, lsn);
    }
  }
  return { nodes, edges };
}
