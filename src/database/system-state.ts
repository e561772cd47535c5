// Access to named values of the system's own that are stored together with a transaction, for the rest of the package.
import { Database } from "./database.ts";
import { Transaction } from "./transaction.ts";

/** The value last stored under a name by an accepted transaction, or undefined. */
export function readState(database: Database, name: string): unknown {
  return Database.stateOf(database, name);
}

/**
 * Stores a value under a name, atomically with the transaction: it survives a crash exactly when
 * the transaction does. Undefined takes the name away.
 */
export function writeState(transaction: Transaction, name: string, value: unknown): void {
  Transaction.storeState(transaction, name, value);
}
