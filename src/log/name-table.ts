// The dictionary of labels, edge types, property and event names, of graphs and maps: small numbers stand for them in events.

import { limits } from "../codec/limits.ts";
import { wtf8Length } from "../codec/text.ts";
import { PropShapes } from "./prop-shapes.ts";

/** What a number stands for that is no plain name. Stored on disk, never renumber. */
export const NAME_KIND = {
  /** A graph; its number is that of the family. */
  graph: 1,
  map: 2,
  /** A label in a graph other than the default one. */
  label: 3,
} as const;

export type NameKind = (typeof NAME_KIND)[keyof typeof NAME_KIND];

/** The number of a name that is not a plain one, what it is, and of which graph. */
export interface ScopedName {
  readonly number: number;
  readonly kind: NameKind;
  /** The graph that a label is of; 0 for graphs and maps. */
  readonly scope: number;
}

const noNumbers: readonly number[] = Object.freeze([]);

/** Names by number and numbers by name. Number 0 is never a name: it ends lists in the event encoding. */
export class NameTable {
  /** How objects with the properties of these names are made. */
  readonly shapes: PropShapes = new PropShapes();
  readonly #names: string[] = [""];
  readonly #ids: Map<string, number> = new Map();
  /** By number: what is no plain name. */
  readonly #scoped: Map<number, ScopedName> = new Map();
  /** Numbers of the same kind, scope and name: a graph or map that was dropped and made again gets another one. */
  readonly #scopedIds: Map<string, number[]> = new Map();

  /** The number of a plain name, or 0 where it is unknown. */
  idOf(name: string): number {
    return this.#ids.get(name) ?? 0;
  }

  /** The number of a label in a graph, or 0. */
  labelOf(graph: number, name: string): number {
    return graph === 0 ? this.idOf(name) : (this.numbersOf(NAME_KIND.label, graph, name)[0] ?? 0);
  }

  /** Every number that was given to a name of a kind, ascending. */
  numbersOf(kind: NameKind, scope: number, name: string): readonly number[] {
    return this.#scopedIds.get(scopedKey(kind, scope, name)) ?? noNumbers;
  }

  /** The name behind a number, whatever its kind, or undefined where no such name was defined. */
  nameOf(id: number): string | undefined {
    return id === 0 ? undefined : this.#names[id];
  }

  /** What a number is that is no plain name. */
  scopedOf(id: number): ScopedName | undefined {
    return this.#scoped.get(id);
  }

  /** Adds an unknown name and returns its number; the caller logs the definition. */
  add(name: string): number {
    const id = this.#names.length;
    this.#names.push(name);
    this.#ids.set(name, id);
    return id;
  }

  /** The same for a name of a kind; of a graph or a map there may be one already. */
  addScoped(kind: NameKind, scope: number, name: string): number {
    const number = this.#names.length;
    this.#names.push(name);
    this.#scoped.set(number, { number, kind, scope });
    const key = scopedKey(kind, scope, name);
    const numbers = this.#scopedIds.get(key);
    if (numbers === undefined) this.#scopedIds.set(key, [number]);
    else numbers.push(number);
    return number;
  }

  /** Replays a definition. Returns false where it contradicts what is known, or is no name. */
  define(id: number, name: string): boolean {
    if (!isName(name)) return false;
    if (id < this.#names.length) return this.#names[id] === name && !this.#scoped.has(id);
    if (id !== this.#names.length || this.#ids.has(name)) return false;
    this.add(name);
    return true;
  }

  /** Replays the definition of a name of a kind. Returns false where it contradicts what is known, or makes no sense. */
  defineScoped(id: number, kind: number, scope: number, name: string): boolean {
    if (!isName(name) || !this.#isScope(kind, scope)) return false;
    const known = this.#scoped.get(id);
    if (known !== undefined) {
      return known.kind === kind && known.scope === scope && this.#names[id] === name;
    }
    if (id !== this.#names.length) return false;
    this.addScoped(kind as NameKind, scope, name);
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

  /** What is no plain name, ascending. */
  scoped(): ScopedName[] {
    return [...this.#scoped.values()];
  }

  /** Forgets every name defined since `mark`. */
  truncate(mark: number): void {
    if (this.#names.length > mark) this.shapes.clear();
    while (this.#names.length > mark) {
      const number = this.#names.length - 1;
      const name = this.#names.pop() as string;
      const scoped = this.#scoped.get(number);
      if (scoped === undefined) this.#ids.delete(name);
      else this.#forget(scoped, name);
    }
  }

  #forget({ number, kind, scope }: ScopedName, name: string): void {
    this.#scoped.delete(number);
    const key = scopedKey(kind, scope, name);
    const numbers = this.#scopedIds.get(key);
    numbers?.pop();
    if (numbers?.length === 0) this.#scopedIds.delete(key);
  }

  #isScope(kind: number, scope: number): boolean {
    if (kind === NAME_KIND.label) return this.#scoped.get(scope)?.kind === NAME_KIND.graph;
    return (kind === NAME_KIND.graph || kind === NAME_KIND.map) && scope === 0;
  }
}

function isName(name: string): boolean {
  return name !== "" && wtf8Length(name) <= limits.keyBytesMax;
}

function scopedKey(kind: number, scope: number, name: string): string {
  return `${kind} ${scope} ${name}`;
}
