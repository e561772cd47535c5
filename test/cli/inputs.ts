// What the tests of the command share: inputs cut in pieces, and text through a row reader.

import type { Row, RowReader } from "../../src/cli/rows.ts";
import { TextBlocks } from "../../src/cli/text-blocks.ts";

/** Cuts bytes at the given places, each taken modulo the length. */
export function cutBytes(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, at) => bytes.subarray(from, places[at]));
}

/** All rows of an input that arrives in these pieces. */
export function rowsOf(reader: RowReader, pieces: readonly Uint8Array[]): Row[] {
  const rows: Row[] = [];
  const text = new TextBlocks();
  for (const piece of pieces) {
    const block = text.push(piece);
    if (block) reader.push(block, rows);
  }
  const last = text.end();
  if (last) reader.push(last, rows);
  reader.end(rows);
  return rows;
}

/** All rows of a text that arrives at once. */
export function rowsOfText(reader: RowReader, text: string): Row[] {
  return rowsOf(reader, [Buffer.from(text)]);
}
