// Tests of the NDJSON reader.

import { describe, expect, it } from "vitest";
import { NdjsonRows } from "../../src/cli/ndjson-rows.ts";
import { rowsOfText } from "./inputs.ts";

describe("the NDJSON reader", () => {
  it("reads one object a line, nested values and all", () => {
    const rows = rowsOfText(new NdjsonRows(), '{"id":"a","x":{"y":[1,null]}}\r\n\n{"id":"b"}');
    expect(rows.map((row) => [row.line, row.object])).toEqual([
      [1, { id: "a", x: { y: [1, null] } }],
      [3, { id: "b" }],
    ]);
  });

  it("refuses what is not a JSON object and goes on", () => {
    const rows = rowsOfText(new NdjsonRows(), '{"id":\n[1]\n"x"\nnull\n{"id":"b"}\n');
    expect(rows.map((row) => row.problem?.slice(0, 17))).toEqual([
      "not JSON: Unexpec",
      "not a JSON object",
      "not a JSON object",
      "not a JSON object",
      undefined,
    ]);
  });

  it("keeps a field named __proto__ as a field", () => {
    const [row] = rowsOfText(new NdjsonRows(), '{"__proto__":1}\n');
    expect(Object.keys(row?.object ?? {})).toEqual(["__proto__"]);
  });
});
