// Tests of typed columns: which texts are values of a type, and which are refused.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convertOf, numberOrText } from "../../src/cli/typed-values.ts";

const convert = (type: string, text: string) => convertOf(type)?.(text);

describe("a typed column", () => {
  it.each([
    ["int", "42", 42],
    ["Integer", " -7 ", -7],
    ["long", "9007199254740991", 9007199254740991],
    ["short", "+3", 3],
    ["float", "1.5e3", 1500],
    ["double", "-.5", -0.5],
    ["double", "NaN", Number.NaN],
    ["double", "-Infinity", -Infinity],
    ["bool", "TRUE", true],
    ["boolean", "0", false],
    ["bigint", "-123456789012345678901234567890", -123456789012345678901234567890n],
    ["string", "007", "007"],
    ["json", '{"a":[1,{"$date":"1970-01-01T00:00:00Z"}]}', { a: [1, new Date(0)] }],
    ["date", "2024-02-29", new Date(Date.UTC(2024, 1, 29))],
    ["date", "2025-10-22 13:56:29 UTC", new Date(Date.UTC(2025, 9, 22, 13, 56, 29))],
    ["datetime", "2024-01-01T01:00:00.250+01:00", new Date(Date.UTC(2024, 0, 1, 0, 0, 0, 250))],
    ["date", "1082040961000", new Date(1082040961000)],
    ["string[]", "a;b;", ["a", "b", ""]],
    ["int[]", "1;2", [1, 2]],
  ])("of type %s takes %j", (type, text, value) => {
    expect(convert(type, text)).toEqual(value);
  });

  it.each([
    ["int", "1.0"],
    ["int", "9007199254740992"],
    ["int", "0x10"],
    ["double", "1e999"],
    ["double", "twelve"],
    ["double", ""],
    ["bool", "maybe"],
    ["date", "2023-02-29"],
    ["date", "01/02/2023"],
    ["date", "2023-01-01T25:00"],
    ["bigint", "1n"],
    ["json", "{"],
    ["int[]", "1;x"],
  ])("of type %s refuses %j", (type, text) => {
    expect(() => convert(type, text)).toThrow(/is not/);
  });

  it("reads back every number and every date", () => {
    fc.assert(
      fc.property(fc.double(), fc.maxSafeInteger(), (number, integer) => {
        if (!Object.is(number, -0)) expect(convert("double", String(number))).toBe(number);
        expect(convert("int", String(integer))).toBe(integer);
      }),
    );
    const inYears0To9999 = { min: new Date("0000-01-01"), max: new Date("9999-12-31") };
    fc.assert(
      fc.property(fc.date({ ...inYears0To9999, noInvalidDate: true }), (date) => {
        expect(convert("date", date.toISOString())).toEqual(date);
      }),
    );
  });

  it("has a type only by a known name", () => {
    expect(convertOf("itn")).toBeUndefined();
    expect(convertOf("int[][]")).toBeUndefined();
    expect(convertOf("constructor")).toBeUndefined();
  });
});

describe("an untyped field of an edge list", () => {
  it("is a number where it is written as one, and keeps digits that a number would lose", () => {
    expect(
      ["1082040961", "-0.5", "1e3", "x1", "12345678901234567890", "1e999"].map(numberOrText),
    ).toEqual([1082040961, -0.5, 1000, "x1", "12345678901234567890", "1e999"]);
  });
});
