// Owns the NDJSON format: one JSON object a line.

import type { JsonValue } from "./json-values.ts";
import { forEachLine, problemRow, type Row, type RowReader, type TextBlock } from "./rows.ts";

/** Reads one JSON object a line; anything else on a line is a malformed row. */
export class NdjsonRows implements RowReader {
  push(block: TextBlock, rows: Row[]): void {
    forEachLine(block, (raw, line) => {
      if (raw.trim() === "") return;
      const problem = block.problems?.get(line);
      rows.push(problem === undefined ? parseLine(line, raw) : problemRow(line, raw, problem));
    });
  }

  end(): void {}
}

function parseLine(line: number, raw: string): Row {
  let json: JsonValue;
  try {
    json = JSON.parse(raw) as JsonValue;
  } catch (error) {
    return problemRow(line, raw, `not JSON: ${(error as Error).message}`);
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    return problemRow(line, raw, "not a JSON object");
  }
  const object = json as { readonly [name: string]: JsonValue };
  return { line, raw, fields: undefined, object, problem: undefined };
}
