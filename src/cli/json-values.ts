// Owns the JSON form of property values: lossless in both directions, with a tag where JSON has no value of the kind.

import type { Value } from "../codec/values.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

// `$object` wraps a real object that would otherwise be read as a tagged value.
const tags = ["$bigint", "$bytes", "$date", "$number", "$object"];

/**
 * The JSON form of a value: `{"$bigint": "1"}`, `{"$bytes": "base64"}`, `{"$date": "ISO 8601"}` (an invalid date is
 * `{"$date": null}`) and `{"$number": "NaN" | "Infinity" | "-Infinity" | "-0"}` stand for what JSON cannot say.
 */
export function toJson(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint":
      return { $bigint: value.toString() };
    case "object":
      return value === null ? null : objectToJson(value);
    default:
      throw new TypeError(`no JSON form for a ${typeof value}`);
  }
}

function objectToJson(value: object): JsonValue {
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Uint8Array) {
    return {
      $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
    };
  }
  if (value instanceof Date) {
    return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  }
  const object = mapFields(value as Record<string, unknown>, toJson);
  return tagOf(object) === undefined ? object : { $object: object };
}

/** Reads the form that `toJson` writes; throws a `TypeError` that names what is wrong with a tagged value. */
export function fromJson(json: JsonValue): Value {
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const object = json as { readonly [name: string]: JsonValue };
  const tag = tagOf(object);
  if (tag === undefined) return mapFields(object, fromJson);
  return untag(tag, object[tag] as JsonValue);
}

function untag(tag: string, content: JsonValue): Value {
  if (tag === "$object" && isPlainObject(content)) return mapFields(content, fromJson);
  if (tag === "$bigint" && typeof content === "string" && /^-?\d+$/.test(content)) {
    return BigInt(content);
  }
  if (tag === "$bytes" && typeof content === "string") {
    // A plain Uint8Array of its own memory: a Buffer would share Node's pool.
    return new Uint8Array(Buffer.from(content, "base64"));
  }
  if (tag === "$date" && content === null) return new Date(Number.NaN);
  if (tag === "$date" && typeof content === "string") {
    const date = new Date(content);
    if (!Number.isNaN(date.getTime())) return date;
  }
  if (tag === "$number" && typeof content === "string") {
    const number = { NaN: Number.NaN, Infinity, "-Infinity": -Infinity, "-0": -0 }[content];
    if (number !== undefined) return number;
  }
  throw new TypeError(`not a value of the form ${tag}: ${JSON.stringify(content).slice(0, 60)}`);
}

function tagOf(object: object): string | undefined {
  const names = Object.keys(object);
  const [only] = names;
  return names.length === 1 && only !== undefined && tags.includes(only) ? only : undefined;
}

function isPlainObject(json: JsonValue): json is { readonly [name: string]: JsonValue } {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}

/** A new object with every field mapped that has a value; `__proto__` stays an ordinary field. */
export function mapFields<From, To>(
  object: { readonly [name: string]: From },
  map: (value: From) => To,
): Record<string, To> {
  const mapped: Record<string, To> = {};
  for (const name of Object.keys(object)) {
    const value = object[name] as From;
    if (value !== undefined) setField(mapped, name, map(value));
  }
  return mapped;
}

/** Sets an own field whatever its name: plain assignment to `__proto__` would set the prototype. */
export function setField<Field>(object: Record<string, Field>, name: string, value: Field): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    object[name] = value;
  }
}
