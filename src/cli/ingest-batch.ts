// Owns the rows between the reader and the transaction: which are new, which are items, and which are rejects.

import type { PlannedInput } from "./ingest-plan.ts";
import type { Reject } from "./node-rejects.ts";
import { BadRow, type Item } from "./row-mapping.ts";
import type { Row } from "./rows.ts";

/** An item with the row it came from, should the engine refuse it. */
export interface PlacedItem {
  readonly item: Item;
  readonly row: Row;
  readonly file: string;
}

/** The rows of one input that go into the next transaction. */
export class Batch {
  readonly input: PlannedInput;
  #skipRows: number;
  #headerIsAhead: boolean;
  #done = 0;
  #rows = 0;
  #chars = 0;
  #items: PlacedItem[] = [];
  #rejects: Reject[] = [];

  constructor(input: PlannedInput, skipRows: number) {
    this.input = input;
    this.#skipRows = skipRows;
    this.#headerIsAhead = input.skipsHeader;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Length of the rows' text: what bounds the memory of a batch. */
  get chars(): number {
    return this.#chars;
  }

  add(row: Row): void {
    if (this.#headerIsAhead) {
      this.#headerIsAhead = false;
      return;
    }
    this.#done++;
    if (this.#done <= this.#skipRows) return;
    this.#rows++;
    this.#chars += row.raw.length;
    const { name } = this.input.request;
    try {
      if (row.problem !== undefined) throw new BadRow(row.problem);
      this.#items.push({ item: this.input.mapping(row), row, file: name });
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      this.#rejects.push({ file: name, line: row.line, reason: error.message, raw: row.raw });
    }
  }

  take(): { rows: number; items: PlacedItem[]; rejects: Reject[]; done: number } {
    const taken = {
      rows: this.#rows,
      items: this.#items,
      rejects: this.#rejects,
      done: this.#done,
    };
    this.#rows = 0;
    this.#chars = 0;
    this.#items = [];
    this.#rejects = [];
    return taken;
  }
}
