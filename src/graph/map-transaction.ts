// What users hold of a map inside a transaction: its reads, with their own writes in them, and its writes.

import { checkName, describe } from "./arguments.ts";
import { MapReader } from "./map-reader.ts";
import type { TransactionSource } from "./transaction-core.ts";

export class MapTransaction<V = unknown> extends MapReader<V> {
  readonly #source: TransactionSource;

  constructor(source: TransactionSource, name: string) {
    super(source, name);
    this.#source = source;
  }

  /**
   * Puts an entry, or replaces its value: anything that a prop may be.
   *
   * @throws `TypeError` for what is no key or no value; `VarveError` LIMIT_EXCEEDED. The transaction is as before.
   */
  put(key: string, value: V): void {
    checkName("put", "key", key);
    if (value === undefined) throw new TypeError(`put: value must not be ${describe(value)}`);
    const core = this.#source.open("put");
    core.startOperation();
    try {
      core.batch.mapEntry(core.mapToWrite(this.name), key, value);
      core.endOperation("put");
    } catch (error) {
      core.failOperation();
      throw error;
    }
  }

  /** Takes an entry away. Returns false where there is none. */
  delete(key: string): boolean {
    checkName("delete", "key", key);
    const core = this.#source.open("delete");
    core.settle();
    const map = core.mapToRead(this.name);
    if (map < 0 || core.index.entryLsn(map, key, core.batch.lastLsn) === 0) return false;
    core.startOperation();
    try {
      core.batch.mapEntry(map, key, undefined);
      core.endOperation("delete");
      return true;
    } catch (error) {
      core.failOperation();
      throw error;
    }
  }
}
