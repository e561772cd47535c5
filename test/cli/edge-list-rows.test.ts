// Tests of the edge list reader.

import { describe, expect, it } from "vitest";
import { EdgeListRows } from "../../src/cli/edge-list-rows.ts";
import { rowsOf, rowsOfText } from "./inputs.ts";

const summary = (text: string, delimiter?: string) =>
  rowsOfText(new EdgeListRows({ delimiter }), text).map((row) => [row.line, row.fields]);

describe("the edge list reader", () => {
  it("splits at any white space and leaves out comments and blank lines", () => {
    expect(summary("# head\n% too\n1 2\n\n  3\t\t4  5 \r\n   # indented\n6 7")).toEqual([
      [3, ["1", "2"]],
      [5, ["3", "4", "5"]],
      [7, ["6", "7"]],
    ]);
  });

  it("splits at a delimiter where one is given", () => {
    expect(summary("a b, c ,1\n#x\n", ",")).toEqual([[1, ["a b", "c", "1"]]]);
  });

  it("refuses a line that is not UTF-8", () => {
    const rows = rowsOf(new EdgeListRows(), [Buffer.from("1 2\n3 \xff\n", "latin1")]);
    expect(rows.map((row) => row.problem)).toEqual([undefined, "the text is not UTF-8"]);
  });
});
