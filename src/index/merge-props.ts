// Applies a patch to a record without decoding values: on property lists and label lists in the encoding of events.

import type { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { tagNull } from "../codec/value-tags.ts";
import { skipValue } from "../codec/values.ts";

/** Finds properties in the list at `from`; `at` and `end` are where the value found lies. */
class PropFinder {
  at = 0;
  end = 0;

  find(reader: ByteReader, from: number, name: number): boolean {
    reader.position = from;
    for (let id = reader.varint(); id !== 0; id = reader.varint()) {
      this.at = reader.position;
      skipValue(reader);
      this.end = reader.position;
      if (id === name) return true;
    }
    return false;
  }
}

const finder = new PropFinder();

/**
 * Writes the property list at `base`'s position with the one at `patch`'s position laid over it: a null there takes a property
 * away. Both are short, so that looking each name up by a walk costs less than an index of them.
 */
export function mergeProps(base: ByteReader, patch: ByteReader, writer: ByteWriter): void {
  const baseFrom = base.position;
  const patchFrom = patch.position;
  for (let id = base.varint(); id !== 0; id = base.varint()) {
    const from = base.position;
    skipValue(base);
    if (finder.find(patch, patchFrom, id)) writePatched(patch, id, writer);
    else writeProp(base, id, from, base.position, writer);
  }
  patch.position = patchFrom;
  for (let id = patch.varint(); id !== 0; id = patch.varint()) {
    const from = patch.position;
    skipValue(patch);
    const to = patch.position;
    if (patch.bytes[from] === tagNull || finder.find(base, baseFrom, id)) continue;
    writeProp(patch, id, from, to, writer);
  }
  writer.u8(0);
}

/** The labels of `base` without those of `removed`, then those of `added` that are new. */
export function mergeLabels(
  base: readonly number[],
  added: readonly number[],
  removed: readonly number[],
): number[] {
  const merged = base.filter((label) => !removed.includes(label));
  for (const label of added) if (!merged.includes(label)) merged.push(label);
  return merged;
}

function writePatched(patch: ByteReader, id: number, writer: ByteWriter): void {
  if (patch.bytes[finder.at] !== tagNull) writeProp(patch, id, finder.at, finder.end, writer);
}

function writeProp(
  reader: ByteReader,
  id: number,
  from: number,
  to: number,
  writer: ByteWriter,
): void {
  writer.varint(id);
  writer.raw(reader.bytes.subarray(from, to));
}
