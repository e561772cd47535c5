// Owns the CSV of an export: a header with typed columns and a row for each node or edge, which `ingest` reads back without a loss.

import { type ExportFields, kindOf, type ValueKind } from "./export-fields.ts";
import type { ExportFormat } from "./export-format.ts";
import { toJson } from "./json-values.ts";

const typeOf: Readonly<Record<ValueKind, string>> = {
  text: "string",
  integer: "int",
  number: "float",
  boolean: "bool",
  date: "date",
  bigint: "bigint",
  other: "json",
};

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function field(value: unknown, kind: ValueKind): string {
  switch (kind) {
    case "other":
      return quoted(JSON.stringify(toJson(value)));
    case "text":
      return quoted(value as string);
    case "date":
      return (value as Date).toISOString();
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    default:
      return String(value);
  }
}

function header(roles: readonly string[], fields: ExportFields): string {
  const columns = fields.names.map((name) => quoted(`${name}:${typeOf[fields.kindOf(name)]}`));
  return [...roles, ...columns].join(",");
}

/** Undefined where a name has what a field of CSV cannot give back. */
function row(
  names: readonly string[],
  props: Readonly<Record<string, unknown>>,
  fields: ExportFields,
): string | undefined {
  if (names.some((name) => name !== "" && kindOf(name) !== "text")) return undefined;
  const values = fields.names.map((name) =>
    Object.hasOwn(props, name) ? field(props[name], fields.kindOf(name)) : "",
  );
  return [...names.map(quoted), ...values].join(",");
}

export const csvExport: ExportFormat = {
  head: (nodes) => [header(["~id", "~label"], nodes)],
  middle: (edges) => [header(["~from", "~to", "~label"], edges)],
  tail: () => [],
  node: ({ key, labels, props }, fields) =>
    labels.some((label) => label.includes(";"))
      ? undefined
      : row([key, labels.join(";")], props, fields),
  edge: ({ from, to, type, props }, fields) => row([from, to, type], props, fields),
};
