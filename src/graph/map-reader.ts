// The read face of one ordered map, as the database, its views and its transactions all have it.

import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { compareBytes, decodeWtf8, wtf8Bytes, wtf8Length } from "../codec/text.ts";
import { readValue } from "../codec/values.ts";
import { EntryPages, type EntryRange } from "../index/entry-pages.ts";
import { familyPrefixBytes, storedKey } from "../index/family-key.ts";
import { RECORD } from "../log/event-format.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import { NAME_KIND } from "../log/name-table.ts";
import { checkCount, checkFlag, checkName, checkOptions, describe } from "./arguments.ts";
import { heldWalk } from "./held-walk.ts";
import type { ReadSource } from "./read-source.ts";

/** Which entries, and in which order; keys are compared by their bytes (UTF-8). */
export interface RangeOptions {
  readonly gte?: string | undefined;
  readonly gt?: string | undefined;
  readonly lt?: string | undefined;
  readonly lte?: string | undefined;
  /** Only keys that begin with this. */
  readonly prefix?: string | undefined;
  /** From the last key to the first. */
  readonly reverse?: boolean | undefined;
  /** At most this many, 0 or more. */
  readonly limit?: number | undefined;
}

const rangeOptions: readonly string[] = ["gte", "gt", "lt", "lte", "prefix", "reverse", "limit"];
/** No key begins with this byte. */
const aboveAll: Uint8Array = Uint8Array.of(0xff);
const lowest: Uint8Array = Uint8Array.of(0);
const noBytes: Uint8Array = new Uint8Array(0);

/** An entry of a map, and when it was put. */
export interface MapEntry {
  readonly key: string;
  readonly value: unknown;
  readonly lsn: number;
}

/**
 * Synchronous reads of one ordered map, each as of one LSN, with the rules of `GraphReader`: keys are strings of 1 to 1,024
 * bytes; a map that nothing was ever put into is empty; iterables are fixed at the LSN of the call; values are fresh.
 */
export class MapReader<V = unknown> {
  readonly name: string;
  protected readonly source: ReadSource;

  constructor(source: ReadSource, name: string) {
    this.source = source;
    this.name = name;
  }

  /** The value of a key, or undefined. Cost: a look into the index, and one into the log for the value. */
  get(key: string): V | undefined {
    checkName("get", "key", key);
    const { source } = this;
    const lsn = source.lsn("get");
    const map = source.index.familyNamed(NAME_KIND.map, this.name, lsn);
    const putLsn = map < 0 ? 0 : source.index.entryLsn(map, key, lsn);
    return putLsn === 0 ? undefined : (loggedValue(source.events, putLsn) as V);
  }

  /** Entries by key, in the order of the keys' bytes. */
  range(options?: RangeOptions): IterableIterator<[key: string, value: V]> {
    const method = "range";
    const given = checkOptions(method, options, rangeOptions);
    const bounds = boundsOf(method, given);
    const isReverse = checkFlag(method, "reverse", given["reverse"]);
    const limit = checkCount(method, "limit", given["limit"], 0);
    const { source } = this;
    const lsn = source.lsn(method);
    const map = source.index.familyNamed(NAME_KIND.map, this.name, lsn);
    if (map < 0) return nothing();
    const from = storedKey(map, bounds.from);
    const to = storedKey(map, bounds.to);
    const walk = pairs(walkEntries(source, { from, to, lsn, isReverse }, limit));
    return heldWalk(source, lsn, walk) as IterableIterator<[key: string, value: V]>;
  }
}

/** The entries of a map in the order of their keys. */
export function* walkEntries(
  source: ReadSource,
  range: EntryRange,
  limit: number,
): Generator<MapEntry, void> {
  const { lsn } = range;
  const { epoch } = source;
  let left = limit;
  if (left <= 0) return;
  const pages = new EntryPages(range);
  source.check(lsn, epoch);
  while (pages.fill(source.index.keys)) {
    const { keys, lsns } = pages;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const text = decodeWtf8(key, familyPrefixBytes, key.length);
      yield { key: text, value: loggedValue(source.events, lsns[i]!), lsn: lsns[i]! };
      left--;
      if (left === 0) return;
      source.check(lsn, epoch);
    }
  }
}

/** Everything in a map. */
export function wholeMap(map: number, lsn: number): EntryRange {
  const from = storedKey(map, noBytes);
  return { from, to: storedKey(map, aboveAll), lsn, isReverse: false };
}

/** The value that the event at an LSN put. */
export function loggedValue(events: EventLookup, lsn: number): unknown {
  const event = events.find(lsn);
  if (event?.tag !== RECORD.mapPut) {
    throw new VarveError("CORRUPT", `the log has no put into a map at LSN ${lsn}`, {
      details: { lsn },
    });
  }
  event.body.position = event.propsFrom;
  return readValue(event.body);
}

function* pairs(entries: Generator<MapEntry, void>): Generator<[string, unknown], void> {
  for (const { key, value } of entries) yield [key, value];
}

/** The range of keys, the end left out, that every bound given lets through. */
function boundsOf(
  method: string,
  given: Readonly<Record<string, unknown>>,
): { from: Uint8Array; to: Uint8Array } {
  const bound = (name: string): Uint8Array | undefined =>
    given[name] === undefined ? undefined : wtf8Bytes(checkName(method, name, given[name]));
  const gt = bound("gt");
  const lte = bound("lte");
  const prefix = prefixOf(method, given["prefix"]);
  const starts = [bound("gte"), gt && joined(gt, lowest), prefix];
  const ends = [bound("lt"), lte && joined(lte, lowest), prefix && joined(prefix, aboveAll)];
  return {
    from: starts.reduce<Uint8Array>((a, b) => (b && compare(b, a) > 0 ? b : a), noBytes),
    to: ends.reduce<Uint8Array>((a, b) => (b && compare(b, a) < 0 ? b : a), aboveAll),
  };
}

function prefixOf(method: string, prefix: unknown): Uint8Array | undefined {
  if (prefix === undefined) return undefined;
  if (typeof prefix !== "string") {
    throw new TypeError(`${method}: prefix must be a string, got ${describe(prefix)}`);
  }
  if (wtf8Length(prefix) > limits.keyBytesMax) {
    throw new RangeError(
      `${method}: prefix must have at most ${limits.keyBytesMax} bytes, got ${wtf8Length(prefix)}`,
    );
  }
  return wtf8Bytes(prefix);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

function* nothing(): Generator<never, void> {
  // Ends at once.
}
