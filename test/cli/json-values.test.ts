// Tests of the JSON form of values.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromJson, type JsonValue, toJson } from "../../src/cli/json-values.ts";

const through = (value: unknown) =>
  fromJson(JSON.parse(JSON.stringify(toJson(value))) as JsonValue);

describe("the JSON form of a value", () => {
  it("gives back every value exactly", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.bigInt(),
        fc.string({ unit: "binary" }),
        fc.uint8Array(),
        fc.date({ noInvalidDate: false }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(
          fc.oneof(
            fc.string(),
            fc.constantFrom("__proto__", "$bigint", "$bytes", "$date", "$number", "$object"),
          ),
          tie("value"),
          { maxKeys: 3, noNullPrototype: true },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(value, (original) => {
        expect(through(original)).toEqual(original);
      }),
    );
  });

  it("is the documented one", () => {
    const value = {
      big: 12345678901234567890n,
      bytes: new Uint8Array([1, 2, 255]),
      date: new Date(0),
      numbers: [Number.NaN, Infinity, -Infinity, -0, 0],
      looksTagged: { $date: "x" },
    };
    expect(toJson(value)).toEqual({
      big: { $bigint: "12345678901234567890" },
      bytes: { $bytes: "AQL/" },
      date: { $date: "1970-01-01T00:00:00.000Z" },
      numbers: [
        { $number: "NaN" },
        { $number: "Infinity" },
        { $number: "-Infinity" },
        { $number: "-0" },
        0,
      ],
      looksTagged: { $object: { $date: "x" } },
    });
  });

  it("refuses a tag with the wrong content", () => {
    for (const json of [
      { $bigint: "1.5" },
      { $date: "yesterday" },
      { $number: "x" },
      { $bytes: 1 },
    ]) {
      expect(() => fromJson(json)).toThrow(/not a value of the form/);
    }
  });
});
