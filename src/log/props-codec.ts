// Reads what follows the fixed fields of an event: label lists and property lists.
import { type ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { readValue, skipValue } from "../codec/values.ts";
import type { NameTable } from "./name-table.ts";
import { type Props, setProp, shapedProps } from "./prop-shapes.ts";

export type { Props };

/** Reads a property list; the reader ends up behind it. */
export function readProps(reader: ByteReader, names: NameTable): Props {
  const a = reader.varint();
  if (a === 0) return {};
  const first = readValue(reader);
  const b = reader.varint();
  if (b === 0) return propsOf(names, a, 0, 0, 0, first, undefined, undefined, undefined);
  const second = readValue(reader);
  const c = reader.varint();
  if (c === 0) return propsOf(names, a, b, 0, 0, first, second, undefined, undefined);
  const third = readValue(reader);
  const d = reader.varint();
  if (d === 0) return propsOf(names, a, b, c, 0, first, second, third, undefined);
  const props = propsOf(names, a, b, c, d, first, second, third, readValue(reader));
  for (let id = reader.varint(); id !== 0; id = reader.varint()) {
    const name = definedName(names, id);
    setProp(props, name, readValue(reader));
  }
  return props;
}

/** The object of the properties numbered a to d, up to the first 0. */
function propsOf(
  names: NameTable,
  a: number,
  b: number,
  c: number,
  d: number,
  first: unknown,
  second: unknown,
  third: unknown,
  fourth: unknown,
): Props {
  const shape = names.shapes.find(a, b, c, d);
  if (shape !== undefined) return shapedProps(shape, first, second, third, fourth);
  const props: Props = {};
  setProp(props, definedName(names, a), first);
  if (b !== 0) setProp(props, definedName(names, b), second);
  if (c !== 0) setProp(props, definedName(names, c), third);
  if (d !== 0) setProp(props, definedName(names, d), fourth);
  if (names.shapes.hasRoomFor(a, b, c, d)) {
    const numbers = [a, b, c, d].filter((number) => number !== 0);
    names.shapes.add(
      a,
      b,
      c,
      d,
      numbers.map((number) => definedName(names, number)),
    );
  }
  return props;
}

function definedName(names: NameTable, id: number): string {
  const name = names.nameOf(id);
  if (name === undefined) throw new MalformedBytes(`undefined name number ${id}`);
  return name;
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
