// Named values of the system's own, as of the last accepted transaction.

/** What separates the group of a name from the rest of it; a name without it is of the group "". */
export const groupEnd = "\0";

/** The values as of the last accepted transaction, by group, and how to go back when one is taken back. */
export class SystemState {
  readonly #groups: Map<string, Map<string, unknown>> = new Map();

  get(name: string): unknown {
    const [group, rest] = split(name);
    return this.#groups.get(group)?.get(rest);
  }

  /** The values of a group, by what follows the group in their names; changes as they do. */
  group(group: string): ReadonlyMap<string, unknown> {
    return this.#groups.get(group) ?? noValues;
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  /** Every name with its value. */
  *entries(): IterableIterator<[name: string, value: unknown]> {
    for (const [group, values] of this.#groups) {
      const prefix = group === "" ? "" : group + groupEnd;
      for (const [rest, value] of values) yield [prefix + rest, value];
    }
  }

  /** Sets a value (null takes it away) and returns what undoes that. */
  set(name: string, value: unknown): StateUndo {
    const undo = { name, value: this.get(name) };
    this.#put(name, value);
    return undo;
  }

  clear(): void {
    this.#groups.clear();
  }

  undo(undo: StateUndo): void {
    this.#put(undo.name, undo.value);
  }

  #put(name: string, value: unknown): void {
    const [group, rest] = split(name);
    let values = this.#groups.get(group);
    if (value === undefined || value === null) {
      values?.delete(rest);
      if (values?.size === 0) this.#groups.delete(group);
      return;
    }
    if (values === undefined) {
      values = new Map();
      this.#groups.set(group, values);
    }
    values.set(rest, value);
  }
}

const noValues: ReadonlyMap<string, unknown> = new Map();

function split(name: string): [group: string, rest: string] {
  const end = name.indexOf(groupEnd);
  return end < 0 ? ["", name] : [name.slice(0, end), name.slice(end + 1)];
}

export interface StateUndo {
  readonly name: string;
  readonly value: unknown;
}
