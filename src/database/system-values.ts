// Named values of the system's own, as of the last accepted transaction.

/** The values as of the last accepted transaction, and how to go back when one is taken back. */
export class SystemState {
  readonly #values: Map<string, unknown> = new Map();

  get(name: string): unknown {
    return this.#values.get(name);
  }

  /** Sets a value (null takes it away) and returns what undoes that. */
  set(name: string, value: unknown): StateUndo {
    const undo = { name, value: this.#values.get(name) };
    this.#put(name, value);
    return undo;
  }

  /** Every value that there is, by name. */
  entries(): [string, unknown][] {
    return [...this.#values];
  }

  clear(): void {
    this.#values.clear();
  }

  undo(undo: StateUndo): void {
    this.#put(undo.name, undo.value);
  }

  #put(name: string, value: unknown): void {
    if (value === undefined || value === null) this.#values.delete(name);
    else this.#values.set(name, value);
  }
}

export interface StateUndo {
  readonly name: string;
  readonly value: unknown;
}
