// Owns the edge list format: one edge a line, columns separated by white space, comments from `#` or `%`.

import {
  fieldsRow,
  forEachLine,
  problemRow,
  type Row,
  type RowReader,
  type TextBlock,
} from "./rows.ts";

/** Reads an edge list; with a delimiter, that separates the columns instead of white space. */
export class EdgeListRows implements RowReader {
  readonly #delimiter: string | undefined;

  constructor(options: { delimiter?: string | undefined } = {}) {
    this.#delimiter = options.delimiter;
  }

  push(block: TextBlock, rows: Row[]): void {
    forEachLine(block, (raw, line) => {
      const problem = block.problems?.get(line);
      if (problem !== undefined) {
        rows.push(problemRow(line, raw, problem));
        return;
      }
      const fields =
        this.#delimiter === undefined
          ? words(raw)
          : raw.split(this.#delimiter).map((field) => field.trim());
      const first = fields[0] ?? "";
      const isBlank = first === "" && fields.length <= 1;
      if (isBlank || first.startsWith("#") || first.startsWith("%")) return;
      rows.push(fieldsRow(line, raw, fields));
    });
  }

  end(): void {}
}

// What `split(/\s+/)` does for ASCII white space, at a third of its cost.
function words(text: string): string[] {
  const words: string[] = [];
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    const isSpace = text.charCodeAt(at) <= 32;
    if (isSpace && start !== -1) {
      words.push(text.slice(start, at));
      start = -1;
    } else if (!isSpace && start === -1) {
      start = at;
    }
  }
  if (start !== -1) words.push(text.slice(start));
  return words;
}
