// Tests of the CSV reader: the grammar, line numbers, and what a broken record costs.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvRows } from "../../src/cli/csv-rows.ts";
import { cutBytes, rowsOf, rowsOfText } from "./inputs.ts";

const reader = (delimiter = ",") => new CsvRows({ delimiter });
const fieldsOf = (text: string) => rowsOfText(reader(), text).map((row) => row.fields);
const summary = (text: string) =>
  rowsOfText(reader(), text).map((row) => [row.line, row.problem ?? row.fields]);

describe("the CSV reader", () => {
  it("reads back any table, quoted or plain, with any line end, however it is cut", () => {
    const field = fc.string({ unit: fc.constantFrom("a", "ü", " ", '"', ",", "\n", "\r\n", "") });
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 12 });
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(
        table,
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 8 }),
        (rows, lineEnd, quotesAll, cuts) => {
          const write = (text: string) => (quotesAll || /[",\r\n]/.test(text) ? quote(text) : text);
          const lines = rows.map((row) => row.map(write).join(",") + lineEnd);
          const read = rowsOf(reader(), cutBytes(Buffer.from(lines.join("")), cuts));
          expect(read.map((row) => row.fields)).toEqual(rows);
          let line = 1;
          for (const [at, row] of read.entries()) {
            expect(row.line).toBe(line);
            expect(`${row.raw}${lineEnd}`).toBe(lines[at]);
            line += (lines[at] ?? "").split("\n").length - 1;
          }
        },
      ),
    );
  });

  it("keeps empty fields and leaves out blank lines", () => {
    expect(fieldsOf('a,,""\n\r\n\n,\n')).toEqual([
      ["a", "", ""],
      ["", ""],
    ]);
  });

  it("takes the last row without a line end", () => {
    expect(fieldsOf('a,b\nc,"d\ne"')).toEqual([
      ["a", "b"],
      ["c", "d\ne"],
    ]);
  });

  it("refuses quotes in the wrong place, one row each", () => {
    expect(summary('a,b\n1,x"y"\n2,"x"y"z"\n3,ok\n')).toEqual([
      [1, ["a", "b"]],
      [2, "a quote stands inside a field that is not quoted"],
      [3, "text follows a closing quote"],
      [4, ["3", "ok"]],
    ]);
  });

  it("loses one line to a quote that is never closed, not the rest of the file", () => {
    expect(summary('1,"open\n2,b\n3,"c\nd"\n4,e\n')).toEqual([
      [1, "text follows a closing quote"],
      [2, ["2", "b"]],
      [3, ["3", "c\nd"]],
      [5, ["4", "e"]],
    ]);
    expect(summary('1,a\n2,"open\n3,b\n4,c')).toEqual([
      [1, ["1", "a"]],
      [2, "a quoted field is not closed"],
      [3, ["3", "b"]],
      [4, ["4", "c"]],
    ]);
  });

  it("gives up an open quote once the record is too long for memory", () => {
    const short = new CsvRows({ delimiter: ",", recordCharsMax: 64 });
    const text = `1,"open\n${"2,b\n".repeat(40)}`;
    const rows = rowsOf(short, cutBytes(Buffer.from(text), [20, 40, 60, 80, 100, 120, 140]));
    expect(rows[0]?.problem).toBe("a quoted field is not closed");
    expect(rows.slice(1).map((row) => row.fields)).toEqual(new Array(40).fill(["2", "b"]));
    expect(rows.at(-1)?.line).toBe(41);
  });

  it("refuses a row with bytes that are not UTF-8, inside a quoted record too", () => {
    const bytes = Buffer.from('a,b\n1,"x\n\xfe"\n2,y\n', "latin1");
    const rows = rowsOf(reader(), [bytes]);
    expect(rows.map((row) => [row.line, row.problem])).toEqual([
      [1, undefined],
      [2, "the text is not UTF-8"],
      [4, undefined],
    ]);
  });

  it("takes any character as delimiter", () => {
    const read = (delimiter: string, text: string) =>
      rowsOfText(reader(delimiter), text).map((row) => row.fields);
    expect(read("|", 'a|b,c\n"x|y"|z\n')).toEqual([
      ["a", "b,c"],
      ["x|y", "z"],
    ]);
    expect(read("\t", 'a\t"b\tc"\n')).toEqual([["a", "b\tc"]]);
  });
});
