// The transaction that users get: the graph's, and the system state that is stored with it.
import { GraphTransaction } from "../graph/graph-transaction.ts";
import { type TransactionCore, TransactionSource } from "../graph/transaction-core.ts";
import type { Schema } from "../graph/types.ts";

export class Transaction<S = Schema> extends GraphTransaction<S> {
  readonly #handle: TransactionSource;
  readonly #states: [string, unknown][];

  /** @param states receives what the callback stores; the database applies it once accepted. */
  constructor(core: TransactionCore, states: [string, unknown][]) {
    const handle = new TransactionSource(core);
    super(handle);
    this.#handle = handle;
    this.#states = states;
  }

  /** @internal See system-state.ts. */
  static storeState(transaction: Transaction, name: string, value: unknown): void {
    transaction.#handle.open("writeState").batch.state(name, value ?? null);
    transaction.#states.push([name, value]);
  }
}
