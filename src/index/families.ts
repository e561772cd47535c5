// The graphs beside the default one, and the maps: how much is in each, and which were dropped.

import type { NAME_KIND } from "../log/name-table.ts";

/** A graph or a map that events were applied of. */
export interface Family {
  /** As events and keys have it. */
  readonly number: number;
  readonly kind: typeof NAME_KIND.graph | typeof NAME_KIND.map;
  /** LSN of its first event. */
  readonly firstLsn: number;
  /** LSN of the event that ended it; infinite where there is none. */
  droppedLsn: number;
  /** Live nodes of a graph, entries of a map; as it was dropped, where it was. */
  nodes: number;
  edges: number;
}

/** As of the newest event. */
export class Families {
  readonly #families: Map<number, Family> = new Map();

  get isEmpty(): boolean {
    return this.#families.size === 0;
  }

  get(number: number): Family | undefined {
    return this.#families.get(number);
  }

  all(): IterableIterator<Family> {
    return this.#families.values();
  }

  /** Those that are not dropped. */
  *live(): IterableIterator<Family> {
    for (const family of this.#families.values()) {
      if (family.droppedLsn === Number.POSITIVE_INFINITY) yield family;
    }
  }

  /** Nodes, edges and entries of all that are not dropped. */
  get size(): number {
    let size = 0;
    for (const { nodes, edges } of this.live()) size += nodes + edges;
    return size;
  }

  /** The family, which the event at `lsn` is the first of where it is not known. */
  begin(number: number, kind: Family["kind"], lsn: number): Family {
    const known = this.#families.get(number);
    if (known !== undefined) return known;
    const droppedLsn = Number.POSITIVE_INFINITY;
    const family = { number, kind, firstLsn: lsn, droppedLsn, nodes: 0, edges: 0 };
    this.#families.set(number, family);
    return family;
  }

  /** Takes back that the event at an LSN was the first of a family: its number may be given to another. */
  undo(number: number, lsn: number): void {
    if (this.#families.get(number)?.firstLsn === lsn) this.#families.delete(number);
  }

  /** Copies for a checkpoint. */
  copies(): Family[] {
    return [...this.#families.values()].map((family) => ({ ...family }));
  }

  /** Takes over what a checkpoint or another index has. */
  load(families: Iterable<Family>): void {
    this.#families.clear();
    for (const family of families) this.#families.set(family.number, { ...family });
  }

  clear(): void {
    this.#families.clear();
  }
}
