// Tests of how columns are named, typed and chosen.

import { describe, expect, it } from "vitest";
import {
  type ColumnChoices,
  type ColumnRole,
  checkPropertyNames,
  columnsOf,
  edgeRoles,
  nodeRoles,
  parseChoice,
} from "../../src/cli/columns.ts";

const choices = (options: Partial<Record<ColumnRole, string>> = {}): ColumnChoices => {
  const choice = (role: ColumnRole) =>
    options[role] === undefined ? undefined : parseChoice(options[role]);
  return {
    key: choice("key"),
    label: choice("label"),
    from: choice("from"),
    to: choice("to"),
    type: choice("type"),
  };
};
const nodes = (header: string, options?: Partial<Record<ColumnRole, string>>) =>
  nodeRoles(columnsOf(header.split(",")), choices(options));
const edges = (header: string, options?: Partial<Record<ColumnRole, string>>) =>
  edgeRoles(columnsOf(header.split(",")), choices(options));

describe("a header", () => {
  it("names columns, types them, and calls a nameless one by its number", () => {
    const columns = columnsOf(["~id", "lat:double", "a:b:int", "", "tags:String[]"]);
    expect(columns.map(({ name, convert }) => [name, convert !== undefined])).toEqual([
      ["~id", false],
      ["lat", true],
      ["a:b", true],
      ["c4", false],
      ["tags", true],
    ]);
  });

  it("with an unknown type is refused, and the types named", () => {
    expect(() => columnsOf(["age:itn"])).toThrow(/no type "itn".*string, int.*--columns/);
  });

  it("of Neo4j's says what its columns are", () => {
    expect(nodes("name,personId:ID(Person),:LABEL")).toEqual({ key: 1, label: 2 });
    expect(edges("since:int,:END_ID(Person),:TYPE,:START_ID")).toEqual({ from: 3, to: 1, type: 2 });
  });
});

describe("the columns of a nodes file", () => {
  it("are the usual names where no option says otherwise, else the first", () => {
    expect(nodes("~label,~id,type")).toEqual({ key: 1, label: 0 });
    expect(nodes("name,_id")).toEqual({ key: 1, label: undefined });
    expect(nodes("name,age")).toEqual({ key: 0, label: undefined });
    expect(nodes("Label,ID")).toEqual({ key: 1, label: 0 });
  });

  it("are chosen by name, by header with its type, or by number; a name goes first", () => {
    expect(nodes("a,b:int,c", { key: "b" }).key).toBe(1);
    expect(nodes("a,b:int,c", { key: "b:int" }).key).toBe(1);
    expect(nodes("a,b:int,c", { key: "3" }).key).toBe(2);
    expect(nodes("a,1,c", { key: "1" }).key).toBe(1);
    expect(nodes("a,b", { label: "=Person" }).label).toEqual({ constant: "Person" });
  });

  it("are refused where there is none such, or several, or a constant makes no sense", () => {
    expect(() => nodes("a,b", { key: "z" })).toThrow(/--key z: no such column; there are a, b/);
    expect(() => nodes("a,b", { key: "3" })).toThrow(/no such column/);
    expect(() => nodes("a,b", { key: "0" })).toThrow(/no such column/);
    expect(() => nodes("x.id,x.id", { key: "x.id" })).toThrow(/columns 1 and 2.*number/);
    expect(() => nodes("a,b", { key: "=k" })).toThrow(/not a constant/);
  });
});

describe("the columns of an edges file", () => {
  it("are the usual pairs, else the first two", () => {
    expect(edges("~id,~from,~to,~label,dist:int")).toEqual({ from: 1, to: 2, type: 3 });
    expect(edges("weight,Target,Source")).toEqual({ from: 2, to: 1, type: undefined });
    expect(edges("dst,src,type")).toEqual({ from: 1, to: 0, type: 2 });
    expect(edges("Person.id,Person.id,creationDate")).toEqual({ from: 0, to: 1, type: undefined });
    expect(edges("from,b,c")).toEqual({ from: 0, to: 1, type: undefined });
  });

  it("complete a single chosen end", () => {
    expect(edges("a,b,c", { from: "2" })).toEqual({ from: 1, to: 0, type: undefined });
    expect(edges("a,b,c", { to: "1" })).toEqual({ from: 1, to: 0, type: undefined });
    expect(edges("x,from,to", { from: "x" })).toEqual({ from: 0, to: 2, type: undefined });
  });
});

describe("columns that become properties", () => {
  it("are refused where two have one name", () => {
    const columns = columnsOf(["id", "x", "x"]);
    expect(() => checkPropertyNames(columns, [0])).toThrow(/columns 2 and 3 are both named "x"/);
    expect(() => checkPropertyNames(columns, [0, 2])).not.toThrow();
  });
});
