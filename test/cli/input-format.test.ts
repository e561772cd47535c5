// Tests of how the format of an input is told.

import { describe, expect, it } from "vitest";
import { inputFormat } from "../../src/cli/input-format.ts";

const format = (fileName: string, head: string, kind: "nodes" | "edges" = "edges") => {
  const found = inputFormat({ fileName, kind, head, format: "auto", delimiter: undefined });
  return [found.name, found.delimiter];
};

describe("the format of an input", () => {
  it("follows the extension, with .gz behind it too", () => {
    expect(format("a.csv", "x")).toEqual(["csv", ","]);
    expect(format("a.CSV.gz", "x|y\n")).toEqual(["csv", "|"]);
    expect(format("a.tsv", "x")).toEqual(["csv", "\t"]);
    expect(format("a.jsonl.gz", "x")).toEqual(["ndjson", undefined]);
    expect(format("a.el", "1,2")).toEqual(["edgelist", undefined]);
  });

  it("is told by the first line where the extension says nothing", () => {
    expect(format("-", '\n{"id":1}\n')).toEqual(["ndjson", undefined]);
    expect(format("a.txt", "# SNAP\n1\t2\n")).toEqual(["edgelist", undefined]);
    expect(format("a.txt.gz", "1 2 1082040961\n")).toEqual(["edgelist", undefined]);
    expect(format("a.txt", "from,to\n")).toEqual(["csv", ","]);
    expect(format("a.txt", "source\ttarget\tw:int\n")).toEqual(["csv", "\t"]);
    expect(format("a.txt", "id\tname\n", "nodes")).toEqual(["csv", "\t"]);
  });

  it("is what the options say before all", () => {
    const question = { fileName: "a.csv", kind: "edges", head: "1;2" } as const;
    expect(inputFormat({ ...question, format: "edgelist", delimiter: ";" })).toEqual({
      name: "edgelist",
      delimiter: ";",
    });
    expect(inputFormat({ ...question, format: "auto", delimiter: ":" })).toEqual({
      name: "csv",
      delimiter: ":",
    });
  });
});
