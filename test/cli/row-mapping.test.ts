// Tests of what a row becomes: a node, an edge, or a reason.

import { describe, expect, it } from "vitest";
import { type ColumnChoices, columnsOf, parseChoice } from "../../src/cli/columns.ts";
import { NdjsonRows } from "../../src/cli/ndjson-rows.ts";
import { columnMapping, objectMapping } from "../../src/cli/row-mapping.ts";
import { fieldsRow } from "../../src/cli/rows.ts";
import { rowsOfText } from "./inputs.ts";

const none: ColumnChoices = {
  key: undefined,
  label: undefined,
  from: undefined,
  to: undefined,
  type: undefined,
};
const fields = (...texts: string[]) => fieldsRow(1, texts.join(","), texts);

describe("a row with columns", () => {
  it("becomes a node whose key and label are no properties and whose empty fields are absent", () => {
    const columns = columnsOf(["~id", "~label", "n:int", "city", "x"]);
    const map = columnMapping("nodes", columns, none, { isRagged: false });
    expect(map(fields("1", "airport;hub", "5", "", "y"))).toMatchObject({
      kind: "node",
      key: "1",
      labels: ["airport", "hub"],
      props: { n: 5, x: "y" },
    });
    expect(Object.keys(map(fields("1", "", "", "", "")).props)).toEqual([]);
  });

  it("becomes an edge, of the type EDGE where none is said", () => {
    const columns = columnsOf(["from", "to", "type", "w:double"]);
    const map = columnMapping("edges", columns, none, { isRagged: false });
    expect(map(fields("a", "b", "KNOWS", "0.5"))).toMatchObject({
      kind: "edge",
      from: "a",
      to: "b",
      type: "KNOWS",
      props: { w: 0.5 },
    });
    expect(map(fields("a", "b", "", "")).type).toBe("EDGE");
    const constant = { ...none, type: parseChoice("=LIKES") };
    const typed = columnMapping("edges", columnsOf(["a", "b"]), constant, { isRagged: false });
    expect(typed(fields("x", "y")).type).toBe("LIKES");
  });

  it("is refused where its width, a key or a value is wrong", () => {
    const columns = columnsOf(["id", "n:int"]);
    const map = columnMapping("nodes", columns, none, { isRagged: false });
    expect(() => map(fields("a"))).toThrow("1 columns where there should be 2");
    expect(() => map(fields("a", "1", "2"))).toThrow("3 columns where there should be 2");
    expect(() => map(fields("", "1"))).toThrow("no key");
    expect(() => map(fields("a", "x"))).toThrow('column n: "x" is not an integer');
    expect(() => map(fields("ä".repeat(513), "1"))).toThrow("key: longer than 1024 bytes");
    expect(map(fields("ä".repeat(512), "1")).kind).toBe("node");
  });

  it("of an edge list may be longer or shorter than the first, and numbers are numbers", () => {
    const map = columnMapping("edges", columnsOf(["", "", ""]), none, { isRagged: true });
    expect(map(fields("1", "2", "1254192988")).props).toEqual({ c3: 1254192988 });
    expect(map(fields("1", "2")).props).toEqual({});
    expect(map(fields("1", "2", "x", "0.5")).props).toEqual({ c3: "x", c4: 0.5 });
    expect(() => map(fields("1"))).toThrow("two ends");
    const turned = { ...none, from: parseChoice("3"), to: parseChoice("1") };
    const reordered = columnMapping("edges", columnsOf(["", "", ""]), turned, { isRagged: true });
    expect(reordered(fields("1", "2", "3"))).toMatchObject({
      from: "3",
      to: "1",
      props: { c2: 2 },
    });
  });

  it("keeps a column named __proto__ as a property", () => {
    const map = columnMapping("nodes", columnsOf(["id", "__proto__"]), none, { isRagged: false });
    expect(Object.entries(map(fields("a", "x")).props)).toEqual([["__proto__", "x"]]);
  });
});

describe("a row of NDJSON", () => {
  const mapping = (kind: "nodes" | "edges", text: string, choices = none) => {
    const rows = rowsOfText(new NdjsonRows(), text);
    const map = objectMapping(kind, rows, choices);
    return rows.map((row) => map(row));
  };

  it("becomes a node with nested values, nulls and tagged values", () => {
    const [node] = mapping(
      "nodes",
      '{"id":7,"labels":["A","B"],"x":{"y":[null]},"n":null,"b":{"$bigint":"9"}}\n',
    );
    expect(node).toMatchObject({
      key: "7",
      labels: ["A", "B"],
      props: { x: { y: [null] }, n: null, b: 9n },
    });
  });

  it("becomes an edge from its usual fields", () => {
    const [edge] = mapping("edges", '{"source":"a","target":"b","type":"T","w":1}\n');
    expect(edge).toMatchObject({ from: "a", to: "b", type: "T", props: { w: 1 } });
  });

  it("is refused where a key is missing, of another kind, or no longer exact", () => {
    const first = '{"id":"a"}\n';
    expect(() => mapping("nodes", `${first}{"x":1}\n`)).toThrow("no key");
    expect(() => mapping("nodes", `${first}{"id":true}\n`)).toThrow(
      "a string or a number is needed",
    );
    expect(() => mapping("nodes", `${first}{"id":9007199254740993}\n`)).toThrow(
      "too large to be exact",
    );
    expect(() => mapping("nodes", `${first}{"id":"b","label":1}\n`)).toThrow("label:");
    expect(() => mapping("nodes", `${first}{"id":"b","x":{"$bigint":"q"}}\n`)).toThrow("field x:");
  });

  it("is a usage error where an option names a field that no row has", () => {
    expect(() => mapping("nodes", '{"id":"a"}\n', { ...none, key: parseChoice("code") })).toThrow(
      /--key code: no such field; there are id/,
    );
  });
});
