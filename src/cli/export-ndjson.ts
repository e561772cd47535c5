// Owns the NDJSON of an export: one object a line, which `ingest` reads back without a loss.

import type { ExportFormat } from "./export-format.ts";
import { type JsonValue, setField, toJson } from "./json-values.ts";

/** The roles go first and have names that hardly a property has; such a property cannot be said. */
function object(
  roles: Readonly<Record<string, JsonValue>>,
  props: Readonly<Record<string, unknown>>,
): string | undefined {
  const fields: Record<string, JsonValue> = { ...roles };
  for (const name of Object.keys(props)) {
    if (Object.hasOwn(roles, name)) return undefined;
    setField(fields, name, toJson(props[name]));
  }
  return JSON.stringify(fields);
}

export const ndjsonExport: ExportFormat = {
  head: () => [],
  middle: () => [],
  tail: () => [],
  node: ({ key, labels, props }) => object({ "~id": key, "~label": [...labels] }, props),
  edge: ({ from, to, type, props }) => object({ "~from": from, "~to": to, "~label": type }, props),
};
