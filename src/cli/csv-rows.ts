// Owns the CSV format: finds where each record ends, keeps line numbers and raw text, and goes on behind a broken
// record. The grammar inside a quoted record is csv-parse's; a record without a quote needs no grammar.

import { parse } from "csv-parse/sync";
import {
  fieldsRow,
  problemRow,
  type Row,
  type RowReader,
  type TextBlock,
  withoutReturn,
} from "./rows.ts";

/** Longest record over several lines, in UTF-16 units; an unclosed quote costs no more memory than this. */
export const recordCharsMax: number = 32 * 1024 * 1024;

const unclosed = "a quoted field is not closed";

/** Reads CSV with any one-character delimiter; quotes, delimiters and line ends may stand inside quoted fields. */
export class CsvRows implements RowReader {
  readonly #delimiter: string;
  readonly #recordCharsMax: number;
  // Text of a record whose quote is still open at the end of the last block.
  #pending = "";
  #pendingLine = 1;
  #problems: Map<number, string> = new Map();
  // Rows on one line that hold quotes: handed to csv-parse together, because a call costs far more than a row.
  #undecoded: Row[] = [];

  constructor(options: { delimiter: string; recordCharsMax?: number }) {
    this.#delimiter = options.delimiter;
    this.#recordCharsMax = options.recordCharsMax ?? recordCharsMax;
  }

  push(block: TextBlock, rows: Row[]): void {
    if (block.problems)
      for (const [line, reason] of block.problems) this.#problems.set(line, reason);
    if (this.#pending === "") this.#pendingLine = block.firstLine;
    this.#scan(this.#pending + block.text, false, rows);
  }

  end(rows: Row[]): void {
    this.#scan(this.#pending, true, rows);
  }

  #scan(text: string, isLast: boolean, rows: Row[]): void {
    let line = this.#pendingLine;
    let at = 0;
    let quote = text.indexOf('"');
    this.#pending = "";
    while (at < text.length) {
      if (quote !== -1 && quote < at) quote = text.indexOf('"', at);
      const lineEnd = endOfLine(text, at);
      if (quote === -1 || quote > lineEnd) {
        this.#plain(withoutReturn(text, at, lineEnd), line, rows);
        at = lineEnd + 1;
        line++;
        continue;
      }
      const end = endOfRecord(text, at);
      if (end === -1 && !isLast && text.length - at < this.#recordCharsMax) {
        this.#pending = text.slice(at);
        break;
      }
      const passed = this.#quoted(text, at, end, lineEnd, line, rows);
      line += passed.lines;
      at = passed.end + 1;
    }
    this.#pendingLine = line;
    this.#decode();
    if (this.#pending === "") this.#problems.clear();
  }

  #plain(raw: string, line: number, rows: Row[]): void {
    if (raw === "") return;
    const problem = this.#problemIn(line, line);
    rows.push(
      problem === undefined
        ? fieldsRow(line, raw, raw.split(this.#delimiter))
        : problemRow(line, raw, problem),
    );
  }

  // A record that turns out broken costs its first line only: what follows may be sound.
  #quoted(
    text: string,
    at: number,
    end: number,
    lineEnd: number,
    line: number,
    rows: Row[],
  ): { end: number; lines: number } {
    if (end === lineEnd) {
      const raw = withoutReturn(text, at, end);
      const problem = this.#problemIn(line, line);
      const row =
        problem === undefined ? fieldsRow(line, raw, undefined) : problemRow(line, raw, problem);
      rows.push(row);
      if (problem === undefined) this.#undecoded.push(row);
      return { end, lines: 1 };
    }
    let problem = unclosed;
    if (end !== -1) {
      const raw = withoutReturn(text, at, end);
      const lines = raw.split("\n").length;
      const row = fieldsRow(line, raw, undefined);
      row.problem = this.#problemIn(line, line + lines - 1);
      if (row.problem !== undefined || decodeOne(row, this.#delimiter)) {
        rows.push(row);
        return { end, lines };
      }
      problem = row.problem ?? unclosed;
    }
    const firstLine = withoutReturn(text, at, lineEnd);
    rows.push(problemRow(line, firstLine, this.#problemIn(line, line) ?? problem));
    return { end: lineEnd, lines: 1 };
  }

  #decode(): void {
    const rows = this.#undecoded;
    if (rows.length === 0) return;
    this.#undecoded = [];
    const records = tryParse(rows.map((row) => row.raw).join("\n"), this.#delimiter);
    if (typeof records === "string" || records.length !== rows.length) {
      for (const row of rows) decodeOne(row, this.#delimiter);
    } else {
      rows.forEach((row, ordinal) => {
        row.fields = records[ordinal];
      });
    }
  }

  #problemIn(firstLine: number, lastLine: number): string | undefined {
    if (this.#problems.size === 0) return undefined;
    for (let line = firstLine; line <= lastLine; line++) {
      const problem = this.#problems.get(line);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

/** Sets the row's fields, or its problem; returns whether it could be read. */
function decodeOne(row: Row, delimiter: string): boolean {
  const records = tryParse(row.raw, delimiter);
  if (typeof records === "string") {
    row.problem = records;
    return false;
  }
  if (records.length !== 1) {
    row.problem = unclosed;
    return false;
  }
  row.fields = records[0];
  return true;
}

/** The records of a text, or the reason why it is not CSV. */
function tryParse(text: string, delimiter: string): string[][] | string {
  try {
    return parse(text, {
      delimiter,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
    }) as unknown as string[][];
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "INVALID_OPENING_QUOTE") return "a quote stands inside a field that is not quoted";
    if (code === "CSV_INVALID_CLOSING_QUOTE") return "text follows a closing quote";
    if (code === "CSV_QUOTE_NOT_CLOSED") return unclosed;
    return `not CSV: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

/** Where the record ends, by the parity of its quotes; -1 where a quote is open at the end of the text. */
function endOfRecord(text: string, at: number): number {
  for (let from = at; ; ) {
    const newline = text.indexOf("\n", from);
    const open = text.indexOf('"', from);
    if (open === -1 || (newline !== -1 && newline < open)) {
      return newline === -1 ? text.length : newline;
    }
    const close = text.indexOf('"', open + 1);
    if (close === -1) return -1;
    from = close + 1;
  }
}
