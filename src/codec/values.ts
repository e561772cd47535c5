// Owns users' values as bytes, for everyone: what they are, written, read and stepped over. value-tags.ts has the layout.

import type { ByteReader, ByteWriter } from "./bytes.ts";
import { readAt, type StoredValue, skipAt } from "./value-reader.ts";
import { writeNamed } from "./value-writer.ts";

/** What can be stored: props, map values and event values are made of it. */
export type Value = StoredValue;

/**
 * Appends one value. `name` says what it is in messages, such as `"putNode: props.name"`.
 *
 * Throws a `TypeError` that names the path for anything that cannot be stored, and `VarveError` `LIMIT_EXCEEDED` for
 * a value over `valueBytesMax` bytes or `valueDepthMax` levels. After a throw the writer holds a part of the value:
 * the caller sets `position` back to where it was. Getters are called once each; undefined properties are left out.
 */
export function writeValue(writer: ByteWriter, value: unknown, name: string = "value"): void {
  writeNamed(writer, value, name);
}

/** Reads one value: fresh objects, and fresh bytes that do not share the reader's memory. */
export function readValue(reader: ByteReader): Value {
  return readAt(reader, 0);
}

/** Steps over one value; checks its structure, but neither its text nor its dates. */
export function skipValue(reader: ByteReader): void {
  skipAt(reader, 0);
}
