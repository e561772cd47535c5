// Turns the edge types that a caller names into numbers.

import type { NameTable } from "../log/name-table.ts";
import { checkName, checkNames } from "./arguments.ts";

/**
 * The numbers of the types named, ascending and each once; undefined where none is named, which means all. Unknown types have
 * no edges and are left out, so that the list may be empty.
 */
export function chooseTypes(
  method: string,
  type: unknown,
  names: NameTable,
): readonly number[] | undefined {
  if (type === undefined) return undefined;
  if (typeof type === "string") {
    const id = names.idOf(checkName(method, "type", type));
    return id === 0 ? noTypes : [id];
  }
  const ids: number[] = [];
  for (const name of checkNames(method, "type", type)) {
    const id = names.idOf(name);
    if (id !== 0 && !ids.includes(id)) ids.push(id);
  }
  return ids.sort((a, b) => a - b);
}

const noTypes: readonly number[] = Object.freeze([]);
