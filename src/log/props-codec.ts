// Reads what follows the fixed fields of an event: label lists and property lists.
import { type ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { readValue, skipValue } from "../codec/values.ts";
import type { NameTable } from "./name-table.ts";

/** Properties by name: a fresh plain object; a property called `__proto__` is an own one too. */
export type Props = Record<string, unknown>;

/** Reads a property list; the reader ends up behind it. */
export function readProps(reader: ByteReader, names: NameTable): Props {
  const props: Props = {};
  for (let id = reader.varint(); id !== 0; id = reader.varint()) {
    const name = names.nameOf(id);
    if (name === undefined) throw new MalformedBytes(`undefined name number ${id}`);
    const value = readValue(reader);
    if (name === "__proto__") {
      Object.defineProperty(props, name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else {
      props[name] = value;
    }
  }
  return props;
}

/** Moves the reader behind a property list. */
export function skipProps(reader: ByteReader): void {
  while (reader.varint() !== 0) skipValue(reader);
}

/** Reads a list of name numbers; the reader ends up behind it. */
export function readNameIds(reader: ByteReader): number[] {
  const ids: number[] = [];
  for (let id = reader.varint(); id !== 0; id = reader.varint()) ids.push(id);
  return ids;
}
