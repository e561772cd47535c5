// Owns what every input format is read into: rows, good or malformed, each with its line and its text.

import type { JsonValue } from "./json-values.ts";

/** Whole physical lines of an input, in order. */
export interface TextBlock {
  readonly text: string;
  /** 1-based number of the first line in the unpacked file. */
  readonly firstLine: number;
  /** Lines that cannot be used, by number, with the reason; absent where all can. */
  readonly problems: ReadonlyMap<number, string> | undefined;
}

/** One row: `fields` for formats with columns, `object` for NDJSON, neither where `problem` says what is wrong. */
export interface Row {
  /** 1-based number of the line on which the row starts. */
  readonly line: number;
  /** The text of the row without its line end. */
  readonly raw: string;
  fields: readonly string[] | undefined;
  object: { readonly [name: string]: JsonValue } | undefined;
  problem: string | undefined;
}

/** Cuts text into rows. Blank lines and comments are no rows. */
export interface RowReader {
  /** Appends the rows that end within this block to `rows`. */
  push(block: TextBlock, rows: Row[]): void;
  /** Appends what is left at the end of the input. */
  end(rows: Row[]): void;
}

export function fieldsRow(line: number, raw: string, fields: readonly string[] | undefined): Row {
  return { line, raw, fields, object: undefined, problem: undefined };
}

export function problemRow(line: number, raw: string, problem: string): Row {
  return { line, raw, fields: undefined, object: undefined, problem };
}

/** Calls `each` for every line of a block, without line ends (`\n` or `\r\n`). */
export function forEachLine(block: TextBlock, each: (line: string, number: number) => void): void {
  const { text } = block;
  let number = block.firstLine;
  for (let at = 0; at < text.length; number++) {
    let end = text.indexOf("\n", at);
    if (end === -1) end = text.length;
    each(withoutReturn(text, at, end), number);
    at = end + 1;
  }
}

/** The text of a line without the carriage return that may end it. */
export function withoutReturn(text: string, from: number, to: number): string {
  return text.slice(from, to > from && text.charCodeAt(to - 1) === 13 ? to - 1 : to);
}
