// Owns the writing of users' values: what can be stored, and as which bytes (value-tags.ts has the layout). Everything
// else is refused with the path at which it stands.

import { type ByteWriter, putVarint, varintBytes } from "./bytes.ts";
import { VarveError } from "./errors.ts";
import { limits } from "./limits.ts";
import { dateMs, describeKind, objectKind } from "./value-kinds.ts";
import * as tags from "./value-tags.ts";
import { encode } from "./wtf8.ts";

const { valueBytesMax, valueDepthMax } = limits;

/** Where the writing of one value stands: for cycles, for limits, and for the path in a message. */
interface Walk {
  name: string;
  positionMax: number;
  /** The containers around the current place, and the key or ordinal taken in each; filled up to the depth. */
  readonly containers: (object | undefined)[];
  readonly keys: (string | number)[];
}

// Kept for the next call, because making one costs more than a small value. A getter that writes a value of its own
// while the walk is out gets another.
let idleWalk: Walk | undefined;

/** Appends one value; values.ts tells the rest. */
export function writeNamed(writer: ByteWriter, value: unknown, name: string): void {
  const start = writer.position;
  if (writeScalar(writer, value)) {
    if (writer.position - start > valueBytesMax) throw tooLarge(name);
    return;
  }
  if (typeof value !== "object" || value === null) throw notWritten(name, value);
  const walk = idleWalk ?? newWalk();
  idleWalk = undefined;
  walk.name = name;
  walk.positionMax = start + valueBytesMax;
  writeContainer(writer, value, walk, 0);
  // Not reached by a throw: then the walk still refers to the user's objects, and is dropped.
  idleWalk = walk;
}

function newWalk(): Walk {
  return {
    name: "",
    positionMax: 0,
    containers: new Array<object | undefined>(valueDepthMax).fill(undefined),
    keys: new Array<string | number>(valueDepthMax).fill(0),
  };
}

// Says whether it wrote the value: not one that is no scalar, undefined among them, nor one far over the limit, which
// is not worth the room. A little over the limit is found by the caller.
function writeScalar(writer: ByteWriter, value: unknown): boolean {
  switch (typeof value) {
    case "number":
      writeNumber(writer, value);
      return true;
    case "string":
      return writeString(writer, value);
    case "boolean":
      writer.u8(value ? tags.tagTrue : tags.tagFalse);
      return true;
    case "bigint":
      return writeBigint(writer, value);
    default:
      if (value !== null) return false;
      writer.u8(tags.tagNull);
      return true;
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value) || (value === 0 && 1 / value < 0)) {
    writer.u8(tags.tagFloat);
    writer.f64(value);
  } else if (value < 0) {
    writer.u8(tags.tagNegativeInteger);
    writer.varint(-1 - value);
  } else if (value <= tags.smallIntegerMax) {
    writer.u8(tags.tagSmallInteger | value);
  } else {
    writer.u8(tags.tagInteger);
    writer.varint(value);
  }
}

function writeString(writer: ByteWriter, value: string): boolean {
  const units = value.length;
  if (units > tags.shortTextBytesMax) {
    if (units > valueBytesMax) return false;
    writer.u8(tags.tagText);
    writer.text(value);
    return true;
  }
  writer.reserve(3 + 3 * units);
  const { bytes, position } = writer;
  const end = encode(value, bytes, position + 1);
  const count = end - position - 1;
  if (count <= tags.shortTextBytesMax) {
    bytes[position] = tags.tagShortText | count;
    writer.position = end;
  } else {
    const width = varintBytes(count);
    bytes.copyWithin(position + 1 + width, position + 1, end);
    bytes[position] = tags.tagText;
    putVarint(bytes, position + 1, count);
    writer.position = end + width;
  }
  return true;
}

function writeBigint(writer: ByteWriter, value: bigint): boolean {
  const negative = value < 0n;
  const hex = value === 0n ? "" : (negative ? -value : value).toString(16);
  if (hex.length / 2 > valueBytesMax) return false;
  writer.u8(negative ? tags.tagNegativeBigint : tags.tagBigint);
  writeSized(writer, Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
  return true;
}

function writeSized(writer: ByteWriter, bytes: Uint8Array): void {
  writer.varint(bytes.length);
  writer.raw(bytes);
}

function writeContainer(writer: ByteWriter, value: object, walk: Walk, depth: number): void {
  switch (objectKind(value)) {
    case "object":
      enter(walk, value, depth);
      writeObject(writer, value as Record<string, unknown>, walk, depth);
      walk.containers[depth] = undefined;
      return;
    case "array":
      enter(walk, value, depth);
      writeArray(writer, value as readonly unknown[], walk, depth);
      walk.containers[depth] = undefined;
      return;
    case "bytes": {
      const bytes = value as Uint8Array;
      if (bytes.length > valueBytesMax) throw tooLarge(pathOf(walk, depth));
      writer.u8(tags.tagBytes);
      writeSized(writer, bytes);
      if (writer.position > walk.positionMax) throw tooLarge(pathOf(walk, depth));
      return;
    }
    case "date":
      if (Object.keys(value).length > 0) {
        throw refused(pathOf(walk, depth), "a Date with properties of its own");
      }
      writer.u8(tags.tagDate);
      writer.f64(dateMs(value));
      return;
    default:
      throw refused(pathOf(walk, depth), describeKind(value));
  }
}

function enter(walk: Walk, value: object, depth: number): void {
  for (let i = 0; i < depth; i++) {
    if (walk.containers[i] === value) {
      const outer = pathOf(walk, i);
      throw new TypeError(`${pathOf(walk, depth)}: contains itself, it is ${outer} again`);
    }
  }
  if (depth === valueDepthMax) {
    throw new VarveError(
      "LIMIT_EXCEEDED",
      `${pathOf(walk, depth)}: nested over ${valueDepthMax} levels`,
      { details: { limit: "valueDepthMax", max: valueDepthMax } },
    );
  }
  walk.containers[depth] = value;
}

function writeObject(
  writer: ByteWriter,
  value: Readonly<Record<string, unknown>>,
  walk: Walk,
  depth: number,
): void {
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw refused(pathOf(walk, depth), "an object with symbol keys");
  }
  const keys = Object.keys(value);
  const countAt = writer.position;
  const short = keys.length <= tags.shortCountMax;
  writer.u8(tags.tagObject);
  if (!short) writer.varint(keys.length);
  let count = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    walk.keys[depth] = key;
    const position = writer.position;
    const child = value[key];
    if (child === undefined) continue;
    // A getter that writes to the same writer would leave its bytes in the midst of this value.
    if (writer.position !== position)
      throw refused(pathOf(walk, depth + 1), "a getter that writes");
    writer.text(key);
    writeChild(writer, child, walk, depth + 1);
    count++;
  }
  if (short) writer.bytes[countAt] = tags.tagShortObject | count;
  else if (count < keys.length) rewriteCount(writer, countAt + 1, keys.length, count);
}

function writeChild(writer: ByteWriter, value: unknown, walk: Walk, depth: number): void {
  if (!writeScalar(writer, value)) {
    if (typeof value !== "object" || value === null) {
      throw notWritten(pathOf(walk, depth), value);
    }
    writeContainer(writer, value, walk, depth);
  }
  if (writer.position > walk.positionMax) throw tooLarge(pathOf(walk, depth));
}

// A count that undefined properties made smaller may also be shorter: what follows it moves up.
function rewriteCount(writer: ByteWriter, at: number, guess: number, count: number): void {
  const { bytes, position } = writer;
  const from = at + varintBytes(guess);
  const to = putVarint(bytes, at, count);
  bytes.copyWithin(to, from, position);
  writer.position = position - (from - to);
}

function writeArray(
  writer: ByteWriter,
  value: readonly unknown[],
  walk: Walk,
  depth: number,
): void {
  const count = value.length;
  if (count > valueBytesMax) throw tooLarge(pathOf(walk, depth));
  if (count <= tags.shortCountMax) {
    writer.u8(tags.tagShortArray | count);
  } else {
    writer.u8(tags.tagArray);
    writer.varint(count);
  }
  for (let i = 0; i < count; i++) {
    walk.keys[depth] = i;
    const position = writer.position;
    const child = value[i];
    if (writer.position !== position)
      throw refused(pathOf(walk, depth + 1), "a getter that writes");
    if (child === undefined) {
      const what = Object.hasOwn(value, i) ? "undefined in an array" : "a hole in an array";
      throw refused(pathOf(walk, depth + 1), what);
    }
    writeChild(writer, child, walk, depth + 1);
  }
  if (Object.keys(value).length !== count || Object.getOwnPropertySymbols(value).length > 0) {
    throw refused(pathOf(walk, depth), "an array with properties beside its elements");
  }
}

function pathOf(walk: Walk, depth: number): string {
  let path = walk.name;
  for (let i = 0; i < depth; i++) {
    const key = walk.keys[i]!;
    const plain = typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key);
    path += plain ? `.${key}` : `[${JSON.stringify(key)}]`;
  }
  return path;
}

function notWritten(path: string, value: unknown): Error {
  const scalar = typeof value === "string" || typeof value === "bigint";
  return scalar ? tooLarge(path) : refused(path, describeKind(value));
}

function refused(path: string, what: string): TypeError {
  return new TypeError(
    `${path}: ${what} cannot be stored; values are null, boolean, number, bigint, string, ` +
      "Uint8Array, Date, and arrays and plain objects of these",
  );
}

function tooLarge(path: string): VarveError {
  return new VarveError("LIMIT_EXCEEDED", `${path}: over ${valueBytesMax} bytes when encoded`, {
    details: { limit: "valueBytesMax", max: valueBytesMax },
  });
}
