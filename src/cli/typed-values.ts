// Owns the types a column can have and how the text of a field becomes a value of its type.

import type { Value } from "../codec/values.ts";
import { fromJson, type JsonValue } from "./json-values.ts";

/** Turns the text of a field into a value; throws a `BadValue` where it is not of the type. */
export type Convert = (text: string) => Value;

/** The field is not what its column's type says; the message is the reason in the rejects file. */
export class BadValue extends Error {}

const converts: ReadonlyMap<string, Convert> = new Map([
  ["string", (text: string) => text],
  ...names(["int", "integer", "long", "short", "byte"], toInteger),
  ...names(["float", "double", "number"], toFloat),
  ...names(["bool", "boolean"], toBoolean),
  ...names(["date", "datetime"], toDate),
  ...names(["bigint"], toBigInt),
  ...names(["json"], toJsonValue),
]);

/** What `name:type` in a header may say; lists are any of these with `[]` behind it. */
export const typeNames: readonly string[] = [...converts.keys()];

/** The conversion for a type of a header, in any case; `undefined` where there is no such type. */
export function convertOf(type: string): Convert | undefined {
  const lower = type.toLowerCase();
  if (!lower.endsWith("[]")) return converts.get(lower);
  const element = converts.get(lower.slice(0, -2));
  return element && ((text) => text.split(";").map(element));
}

/** An untyped field of an edge list: a number where it is written as one, text otherwise. */
export function numberOrText(text: string): Value {
  if (!decimal.test(text)) return text;
  const number = Number(text);
  // Digits that a double cannot hold are kept as they are rather than rounded in silence.
  if (!Number.isFinite(number) || (/^[-+]?\d+$/.test(text) && !Number.isSafeInteger(number))) {
    return text;
  }
  return number;
}

const decimal = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
const isoDate =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?(Z|UTC|[-+]\d\d:?\d\d)?)?$/i;

function toInteger(text: string): number {
  const trimmed = text.trim();
  if (!/^[-+]?\d+$/.test(trimmed)) throw bad("an integer", text);
  const number = Number(trimmed);
  if (!Number.isSafeInteger(number)) {
    throw bad("an integer within ±(2^53 - 1); the type bigint holds any", text);
  }
  return number;
}

function toFloat(text: string): number {
  const trimmed = text.trim();
  if (decimal.test(trimmed)) {
    const number = Number(trimmed);
    if (Number.isFinite(number)) return number;
    throw bad("a number a double can hold", text);
  }
  const special = /^([-+]?)(?:(nan)|(inf|infinity))$/i.exec(trimmed);
  if (special === null) throw bad("a number", text);
  if (special[2] !== undefined) return Number.NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}

function toBoolean(text: string): boolean {
  switch (text.trim().toLowerCase()) {
    case "true":
    case "yes":
    case "1":
      return true;
    case "false":
    case "no":
    case "0":
      return false;
    default:
      throw bad("a boolean (true, false, yes, no, 1, 0)", text);
  }
}

// Date's own parser accepts nearly anything and guesses; a date of an ingest is ISO 8601 or milliseconds.
function toDate(text: string): Date {
  const trimmed = text.trim();
  if (/^[-+]?\d{5,}$/.test(trimmed)) {
    const date = new Date(Number(trimmed));
    if (!Number.isNaN(date.getTime())) return date;
  }
  const parts = isoDate.exec(trimmed);
  if (parts === null) throw bad("a date (ISO 8601, or milliseconds since 1970)", text);
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = parts;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    Number(fraction.padEnd(3, "0").slice(0, 3)),
  );
  const date = new Date(local);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const inCalendar = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const onClock = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  if (!inCalendar || !onClock) throw bad("a date of the calendar", text);
  return new Date(date.getTime() - zoneMs(zone));
}

// A date without a zone is taken as UTC: the same file must give the same values on every machine.
function zoneMs(zone: string | undefined): number {
  if (zone === undefined || /^(?:z|utc)$/i.test(zone)) return 0;
  const sign = zone.startsWith("-") ? -1 : 1;
  const digits = zone.slice(1).replace(":", "");
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

function toBigInt(text: string): bigint {
  const trimmed = text.trim();
  if (!/^[-+]?\d+$/.test(trimmed)) throw bad("an integer", text);
  return BigInt(trimmed.startsWith("+") ? trimmed.slice(1) : trimmed);
}

function toJsonValue(text: string): Value {
  try {
    return fromJson(JSON.parse(text) as JsonValue);
  } catch {
    throw bad("JSON", text);
  }
}

function bad(expected: string, found: string): BadValue {
  const shown = found.length > 40 ? `${found.slice(0, 40)}…` : found;
  return new BadValue(`${JSON.stringify(shown)} is not ${expected}`);
}

function names(names: readonly string[], convert: Convert): [string, Convert][] {
  return names.map((name) => [name, convert]);
}
