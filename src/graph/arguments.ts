// Checks what callers pass: each check throws a TypeError or RangeError that names the method, the argument and what came.

import { limits } from "../codec/limits.ts";
import { wtf8Length } from "../codec/text.ts";
import { describeKind, objectKind } from "../codec/value-kinds.ts";

const unitsCertainlyShort = Math.floor(limits.keyBytesMax / 3);

/** What was passed, for messages: kinds of objects and short scalars, never whole contents. */
export function describe(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "number" || typeof value === "boolean") return `${String(value)}`;
  if (typeof value === "bigint") return "a bigint";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && objectKind(value) === "object") return "an object";
  return describeKind(value);
}

/** A key, label, type or name: a string of 1 to 1,024 bytes. */
export function checkName(method: string, argument: string, value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`${method}: ${argument} must be a string, got ${describe(value)}`);
  }
  const units = value.length;
  if (units === 0 || (units > unitsCertainlyShort && wtf8Length(value) > limits.keyBytesMax)) {
    throw new RangeError(
      `${method}: ${argument} must have 1 to ${limits.keyBytesMax} bytes, got ${wtf8Length(value)}`,
    );
  }
  return value;
}

/** An options object, or undefined; every field that is not undefined must be a known one. */
export function checkOptions(
  method: string,
  options: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (options === undefined) return noOptions;
  if (typeof options !== "object" || options === null || objectKind(options) !== "object") {
    throw new TypeError(`${method}: options must be an object, got ${describe(options)}`);
  }
  for (const name in options) {
    if (!known.includes(name)) {
      throw new TypeError(
        `${method}: unknown option ${describe(name)}; there are ${known.join(", ")}`,
      );
    }
  }
  return options as Readonly<Record<string, unknown>>;
}

const noOptions: Readonly<Record<string, unknown>> = Object.freeze({});

/** A whole number from `min` up, or Infinity; Infinity where it is undefined. */
export function checkCount(method: string, argument: string, value: unknown, min: number): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  if (typeof value !== "number") {
    throw new TypeError(`${method}: ${argument} must be a number, got ${describe(value)}`);
  }
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= min)) {
    return value;
  }
  throw new RangeError(
    `${method}: ${argument} must be a whole number from ${min} up or Infinity, got ${value}`,
  );
}

/** A node or edge id: a number; ids that cannot be are not refused, they are unknown. */
export function checkId(method: string, argument: string, value: unknown): number {
  if (typeof value !== "number") {
    throw new TypeError(`${method}: ${argument} must be a number, got ${describe(value)}`);
  }
  return value;
}

export function checkDirection(method: string, value: unknown): "out" | "in" | "both" {
  if (value === undefined) return "out";
  if (value === "out" || value === "in" || value === "both") return value;
  const message = `${method}: direction must be "out", "in" or "both", got ${describe(value)}`;
  throw typeof value === "string" ? new RangeError(message) : new TypeError(message);
}

export function checkFlag(method: string, argument: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw new TypeError(`${method}: ${argument} must be a boolean, got ${describe(value)}`);
}

/** An array of names, or undefined for none; each is checked. */
export function checkNames(method: string, argument: string, value: unknown): readonly string[] {
  if (value === undefined) return noNames;
  if (!Array.isArray(value)) {
    throw new TypeError(
      `${method}: ${argument} must be an array of strings, got ${describe(value)}`,
    );
  }
  for (let i = 0; i < value.length; i++) checkName(method, `${argument}[${i}]`, value[i]);
  return value as readonly string[];
}

const noNames: readonly string[] = Object.freeze([]);

/** Props: a plain object, or undefined. Its values are checked when they are encoded, its names here. */
export function checkProps(
  method: string,
  argument: string,
  value: unknown,
): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null || objectKind(value) !== "object") {
    throw new TypeError(`${method}: ${argument} must be a plain object, got ${describe(value)}`);
  }
  for (const name in value) {
    const units = name.length;
    if (units === 0 || units > unitsCertainlyShort) {
      checkName(method, `a name in ${argument}`, name);
    }
  }
  return value as Readonly<Record<string, unknown>>;
}
