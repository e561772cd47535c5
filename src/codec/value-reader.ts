// Owns the reading of users' values; value-tags.ts has the layout. Reading is total: any bytes give a value or
// `MalformedBytes`, in time and memory that the number of bytes bounds.

import { type ByteReader, MalformedBytes } from "./bytes.ts";
import { readKey } from "./key-cache.ts";
import { limits } from "./limits.ts";
import * as tags from "./value-tags.ts";

/** What can be stored. */
export type StoredValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly StoredValue[]
  | { readonly [key: string]: StoredValue | undefined };

/** Reads one value that stands within `depth` containers. */
export function readAt(reader: ByteReader, depth: number): StoredValue {
  const tag = reader.u8();
  if (tag >= tags.tagSmallInteger) return tag & tags.smallIntegerMax;
  if (tag >= tags.tagShortText) return reader.textOf(tag & tags.shortTextBytesMax);
  switch (tag) {
    case tags.tagNull:
      return null;
    case tags.tagFalse:
      return false;
    case tags.tagTrue:
      return true;
    case tags.tagFloat:
      return reader.f64();
    case tags.tagInteger:
      return reader.varint();
    case tags.tagNegativeInteger:
      return readNegativeInteger(reader);
    case tags.tagBigint:
      return readMagnitude(reader);
    case tags.tagNegativeBigint:
      return readNegativeBigint(reader);
    case tags.tagText:
      return reader.text();
    case tags.tagBytes:
      return new Uint8Array(reader.raw(reader.varint()));
    case tags.tagDate:
      return readDate(reader);
    default:
      return readContainer(reader, tag, depth);
  }
}

function readNegativeInteger(reader: ByteReader): number {
  const value = -1 - reader.varint();
  if (value < Number.MIN_SAFE_INTEGER) throw malformed("integer below -(2^53 - 1)", reader);
  return value;
}

function readMagnitude(reader: ByteReader): bigint {
  const magnitude = reader.raw(reader.varint());
  if (magnitude.length === 0) return 0n;
  if (magnitude[0] === 0) throw malformed("bigint with a leading zero", reader);
  const { buffer, byteOffset, length } = magnitude;
  return BigInt(`0x${Buffer.from(buffer, byteOffset, length).toString("hex")}`);
}

function readNegativeBigint(reader: ByteReader): bigint {
  const magnitude = readMagnitude(reader);
  if (magnitude === 0n) throw malformed("bigint of minus zero", reader);
  return -magnitude;
}

function readDate(reader: ByteReader): Date {
  const ms = reader.f64();
  const date = new Date(ms);
  // A date is whole milliseconds in its range: anything else would come back as another time.
  if (!Number.isNaN(ms) && date.getTime() !== ms) throw malformed("date out of range", reader);
  return date;
}

function readContainer(reader: ByteReader, tag: number, depth: number): StoredValue {
  if (depth === limits.valueDepthMax) throw malformed("value nested too deep or unknown", reader);
  if (isShortObject(tag)) return readObject(reader, tag & tags.shortCountMax, depth);
  if (isShortArray(tag)) return readArray(reader, tag & tags.shortCountMax, depth);
  if (tag === tags.tagObject) return readObject(reader, reader.varint(), depth);
  if (tag === tags.tagArray) return readArray(reader, reader.varint(), depth);
  throw malformed(`unknown value tag ${tag}`, reader);
}

function isShortObject(tag: number): boolean {
  return (tag & ~tags.shortCountMax) === tags.tagShortObject;
}

function isShortArray(tag: number): boolean {
  return (tag & ~tags.shortCountMax) === tags.tagShortArray;
}

function readObject(reader: ByteReader, count: number, depth: number): StoredValue {
  checkCount(reader, count, 2);
  const object: Record<string, StoredValue> = {};
  for (let i = 0; i < count; i++) {
    const key = readKey(reader);
    const value = readAt(reader, depth + 1);
    if (key === "__proto__") defineOwn(object, key, value);
    else object[key] = value;
  }
  return object;
}

// Assigning this one key would set the prototype instead.
function defineOwn(object: Record<string, StoredValue>, key: string, value: StoredValue): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function readArray(reader: ByteReader, count: number, depth: number): StoredValue {
  checkCount(reader, count, 1);
  // Grown by pushing: a length taken from the bytes, at every depth, could claim far more memory than they fill.
  const array: StoredValue[] = [];
  for (let i = 0; i < count; i++) array.push(readAt(reader, depth + 1));
  return array;
}

function checkCount(reader: ByteReader, count: number, bytesEach: number): void {
  if (count * bytesEach > reader.end - reader.position) {
    throw malformed(`${count} elements claimed`, reader);
  }
}

/** Steps over one value that stands within `depth` containers. */
export function skipAt(reader: ByteReader, depth: number): void {
  const tag = reader.u8();
  if (tag >= tags.tagSmallInteger) return;
  if (tag >= tags.tagShortText) {
    reader.skip(tag & tags.shortTextBytesMax);
    return;
  }
  switch (tag) {
    case tags.tagNull:
    case tags.tagFalse:
    case tags.tagTrue:
      return;
    case tags.tagFloat:
    case tags.tagDate:
      reader.skip(8);
      return;
    case tags.tagInteger:
    case tags.tagNegativeInteger:
      reader.varint();
      return;
    case tags.tagBigint:
    case tags.tagNegativeBigint:
    case tags.tagText:
    case tags.tagBytes:
      reader.skip(reader.varint());
      return;
    default:
      skipContainer(reader, tag, depth);
  }
}

function skipContainer(reader: ByteReader, tag: number, depth: number): void {
  if (depth === limits.valueDepthMax) throw malformed("value nested too deep or unknown", reader);
  const short = isShortObject(tag) || isShortArray(tag);
  const withKeys = isShortObject(tag) || tag === tags.tagObject;
  if (!short && !withKeys && tag !== tags.tagArray) {
    throw malformed(`unknown value tag ${tag}`, reader);
  }
  const count = short ? tag & tags.shortCountMax : reader.varint();
  checkCount(reader, count, withKeys ? 2 : 1);
  for (let i = 0; i < count; i++) {
    if (withKeys) reader.skip(reader.varint());
    skipAt(reader, depth + 1);
  }
}

function malformed(what: string, reader: ByteReader): MalformedBytes {
  return new MalformedBytes(`${what} before byte ${reader.position}`);
}
