// The dictionary of labels, edge types, property and event names: small numbers stand for them in events.

import { limits } from "../codec/limits.ts";
import { wtf8Length } from "../codec/text.ts";

/** Names by number and numbers by name. Number 0 is never a name: it ends lists in the event encoding. */
export class NameTable {
  readonly #names: string[] = [""];
  readonly #ids: Map<string, number> = new Map();

  /** The number of a name, or 0 where it is unknown. */
  idOf(name: string): number {
    return this.#ids.get(name) ?? 0;
  }

  /** The name behind a number, or undefined where no such name was defined. */
  nameOf(id: number): string | undefined {
    return id === 0 ? undefined : this.#names[id];
  }

  /** Adds an unknown name and returns its number; the caller logs the definition. */
  add(name: string): number {
    const id = this.#names.length;
    this.#names.push(name);
    this.#ids.set(name, id);
    return id;
  }

  /** Replays a definition. Returns false where it contradicts what is known, or is no name. */
  define(id: number, name: string): boolean {
    if (name === "" || wtf8Length(name) > limits.keyBytesMax) return false;
    if (id < this.#names.length) return this.#names[id] === name;
    if (id !== this.#names.length || this.#ids.has(name)) return false;
    this.add(name);
    return true;
  }

  /** The number that the next new name gets; hand it to `truncate` to undo what came after. */
  mark(): number {
    return this.#names.length;
  }

  /** Every name, that of number 1 first. */
  all(): string[] {
    return this.#names.slice(1);
  }

  /** Forgets every name defined since `mark`. */
  truncate(mark: number): void {
    while (this.#names.length > mark) this.#ids.delete(this.#names.pop() as string);
  }
}
