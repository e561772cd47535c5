// The ordered map of a projection's own: what is stored, and over it what has changed since.
import { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { wtf8Length } from "../codec/text.ts";
import { compareText } from "../codec/text-order.ts";
import { readValue, writeValue } from "../codec/values.ts";
import { checkCount, checkName, checkOptions } from "../graph/arguments.ts";

/** Which entries to go over, by the order of their keys' bytes. */
export interface OutRange {
  readonly gt?: string | undefined;
  readonly gte?: string | undefined;
  readonly lt?: string | undefined;
  readonly lte?: string | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

/** What a projection has made: values by key, in the order of the keys' bytes. Values are fresh copies. */
export interface ProjectionOut<V = unknown> {
  readonly size: number;
  get(key: string): V | undefined;
  has(key: string): boolean;
  /** The entries as they are at the call. */
  range(options?: OutRange): IterableIterator<[key: string, value: V]>;
}

/** The same for `apply`, which alone may change it. */
export interface WritableOut<V = unknown> extends ProjectionOut<V> {
  /**
   * Stores a copy of the value.
   *
   * @throws `TypeError` for what cannot be stored; `VarveError` LIMIT_EXCEEDED where the map would have more than
   *   16 MiB: keys, values and 64 bytes for each entry.
   */
  put(key: string, value: V): void;
  /** `put`, by the name that a JS `Map` has for it. */
  set(key: string, value: V): void;
  /** Says whether there was one. */
  delete(key: string): boolean;
}

type Entries = Map<string, Uint8Array | null>;

const rangeOptions: readonly string[] = ["gt", "gte", "lt", "lte", "reverse", "limit"];

export class OutMap<V> implements WritableOut<V> {
  /** Whether `apply` is running. */
  isWritable = false;
  size = 0;
  /** Of what was changed since the last store began. */
  dirtyBytes = 0;
  readonly #stored: () => ReadonlyMap<string, unknown>;
  #bytes = 0;
  /** Changed since the last store began; null where the entry is gone. */
  #dirty: Entries = new Map();
  /** Being stored. */
  #storing: Entries | undefined;
  /** Keys in order, deleted ones perhaps among them; undefined before the first range. */
  #sorted: string[] | undefined;
  /** Keys that may be missing there. */
  #added: string[] = [];
  readonly #writer: ByteWriter = new ByteWriter(256);
  readonly #reader: ByteReader = new ByteReader();

  constructor(stored: () => ReadonlyMap<string, unknown>) {
    this.#stored = stored;
    this.reload();
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get(key: string): V | undefined {
    const bytes = this.#bytesOf(checkName("out.get", "key", key));
    return bytes === undefined ? undefined : this.#decode(bytes);
  }

  has(key: string): boolean {
    return this.#bytesOf(checkName("out.has", "key", key)) !== undefined;
  }

  put(key: string, value: V): void {
    this.#requireWritable("out.put");
    checkName("out.put", "key", key);
    const writer = this.#writer;
    writer.reset();
    writeValue(writer, value, "out.put: value");
    const bytes = writer.view(0, writer.position).slice();
    const before = this.#bytesOf(key);
    const more = sizeOf(key, bytes) - (before === undefined ? 0 : sizeOf(key, before));
    if (more > 0 && this.#bytes + more > limits.projectionOutBytesMax) throw tooLarge();
    this.#put(key, bytes);
    this.#bytes += more;
    if (before !== undefined) return;
    this.size++;
    this.#added.push(key);
  }

  set(key: string, value: V): void {
    this.put(key, value);
  }

  delete(key: string): boolean {
    this.#requireWritable("out.delete");
    const before = this.#bytesOf(checkName("out.delete", "key", key));
    if (before === undefined) return false;
    this.#put(key, null);
    this.#bytes -= sizeOf(key, before);
    this.size--;
    return true;
  }

  range(options: OutRange = {}): IterableIterator<[key: string, value: V]> {
    checkOptions("out.range", options, rangeOptions);
    const { gt, gte, lt, lte, reverse = false } = options;
    const limit = checkCount("out.range", "limit", options.limit, 0);
    const keys = this.#keys();
    let from = gte === undefined ? 0 : rank(keys, bound("gte", gte), false);
    if (gt !== undefined) from = Math.max(from, rank(keys, bound("gt", gt), true));
    let to = lt === undefined ? keys.length : rank(keys, bound("lt", lt), false);
    if (lte !== undefined) to = Math.min(to, rank(keys, bound("lte", lte), true));
    const count = Math.min(limit, Math.max(0, to - from));
    const found = reverse ? keys.slice(to - count, to).reverse() : keys.slice(from, from + count);
    return this.#entries(
      found,
      found.map((key) => this.#bytesOf(key)!),
    );
  }

  /** Hands over what has changed, to be stored; `endStore` must follow. Null: the entry is gone. */
  beginStore(): ReadonlyMap<string, Uint8Array | null> {
    const storing = this.#dirty;
    this.#storing = storing;
    this.#dirty = new Map();
    this.dirtyBytes = 0;
    return storing;
  }

  endStore(isStored: boolean): void {
    const storing = this.#storing;
    this.#storing = undefined;
    if (isStored || storing === undefined) return;
    for (const [key, bytes] of storing) if (!this.#dirty.has(key)) this.#put(key, bytes);
  }

  /** Forgets everything that is not stored. */
  reload(): void {
    this.#dirty.clear();
    this.#storing = undefined;
    this.#sorted = undefined;
    this.#added = [];
    this.dirtyBytes = 0;
    this.#bytes = 0;
    const stored = this.#stored();
    this.size = stored.size;
    for (const [key, bytes] of stored) this.#bytes += sizeOf(key, bytes as Uint8Array);
  }

  #bytesOf(key: string): Uint8Array | undefined {
    let bytes = this.#dirty.get(key);
    if (bytes === undefined) bytes = this.#storing?.get(key);
    if (bytes === undefined) return this.#stored().get(key) as Uint8Array | undefined;
    return bytes ?? undefined;
  }

  #put(key: string, bytes: Uint8Array | null): void {
    this.#dirty.set(key, bytes);
    this.dirtyBytes += key.length + (bytes?.length ?? 0);
  }

  #decode(bytes: Uint8Array): V {
    this.#reader.open(bytes, 0, bytes.length);
    return readValue(this.#reader) as V;
  }

  *#entries(keys: readonly string[], values: readonly Uint8Array[]): IterableIterator<[string, V]> {
    for (let i = 0; i < keys.length; i++) yield [keys[i]!, this.#decode(values[i]!)];
  }

  #keys(): readonly string[] {
    if (this.#sorted === undefined) {
      const all = new Set([...this.#stored().keys(), ...(this.#storing?.keys() ?? [])]);
      for (const key of this.#dirty.keys()) all.add(key);
      this.#added = [...all];
      this.#sorted = [];
    }
    const added = this.#added.sort(compareText);
    if (added.length > 0 || this.#sorted.length !== this.size) {
      this.#sorted = merged(this.#sorted, added).filter((key) => this.#bytesOf(key) !== undefined);
      this.#added = [];
    }
    return this.#sorted;
  }

  #requireWritable(method: string): void {
    if (!this.isWritable) throw new TypeError(`${method}: only apply may change it`);
  }
}

function sizeOf(key: string, bytes: Uint8Array): number {
  return wtf8Length(key) + bytes.length + limits.projectionEntryBytes;
}

function tooLarge(): VarveError {
  const max = limits.projectionOutBytesMax;
  return new VarveError("LIMIT_EXCEEDED", `out.put: the map would have more than ${max} bytes`, {
    details: { limit: "projectionOutBytesMax", max },
  });
}

function bound(name: string, key: unknown): string {
  if (typeof key === "string") return key;
  throw new TypeError(`out.range: ${name} must be a string, not ${typeof key}`);
}

/** How many keys lie before this one; or before it and at it. */
function rank(keys: readonly string[], key: string, inclusive: boolean): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareText(keys[middle]!, key);
    if (order < 0 || (inclusive && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Two lists in order as one, without repeats. */
function merged(a: readonly string[], b: readonly string[]): string[] {
  const all: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const fromA = j === b.length || (i < a.length && compareText(a[i]!, b[j]!) <= 0);
    const key = fromA ? a[i++]! : b[j++]!;
    if (all.length === 0 || all[all.length - 1] !== key) all.push(key);
  }
  return all;
}
