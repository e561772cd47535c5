// Owns the step from bytes to text: cuts at line ends, removes a byte order mark, and finds lines that are not UTF-8
// or longer than memory should be spent on.

import { isUtf8 } from "node:buffer";
import type { TextBlock } from "./rows.ts";

/** Longest line that is kept: room for the largest property value, escaped. */
export const lineBytesMax: number = 32 * 1024 * 1024;

const newline = 10;
const keptOfOverlongBytes = 1024;

/** Takes the bytes of one input as they come and gives text in blocks of whole lines. */
export class TextBlocks {
  readonly #lineBytesMax: number;
  #carried: Uint8Array[] = [];
  #carriedBytes = 0;
  #line = 1;
  #atStart = true;
  // Set while the rest of an overlong line is being dropped.
  #dropping = false;

  constructor(options: { lineBytesMax?: number } = {}) {
    this.#lineBytesMax = options.lineBytesMax ?? lineBytesMax;
  }

  /** The lines that end in these bytes; `undefined` where none does. */
  push(bytes: Uint8Array): TextBlock | undefined {
    let from = 0;
    if (this.#dropping) {
      const end = bytes.indexOf(newline);
      if (end === -1) return undefined;
      this.#dropping = false;
      from = end + 1;
    }
    const end = bytes.lastIndexOf(newline) + 1;
    if (end <= from) {
      this.#carry(bytes.subarray(from));
      return this.#carriedBytes > this.#lineBytesMax ? this.#dropLine() : undefined;
    }
    const block = this.#block(bytes.subarray(from, end));
    this.#carry(bytes.subarray(end));
    return block;
  }

  /** The last line, where the input does not end with a line end. */
  end(): TextBlock | undefined {
    return this.#carriedBytes === 0 ? undefined : this.#block(new Uint8Array(0));
  }

  #carry(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#carried.push(bytes);
    this.#carriedBytes += bytes.length;
  }

  #takeCarried(bytes: Uint8Array): Buffer {
    const whole =
      this.#carried.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : Buffer.concat([...this.#carried, bytes]);
    this.#carried = [];
    this.#carriedBytes = 0;
    return whole;
  }

  #block(bytes: Uint8Array): TextBlock {
    let whole = this.#takeCarried(bytes);
    if (this.#atStart) {
      if (whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf) whole = whole.subarray(3);
      this.#atStart = false;
    }
    const firstLine = this.#line;
    const problems = isUtf8(whole) ? undefined : linesNotUtf8(whole, firstLine);
    for (let at = whole.indexOf(newline); at !== -1; at = whole.indexOf(newline, at + 1)) {
      this.#line++;
    }
    return { text: whole.toString("utf8"), firstLine, problems };
  }

  #dropLine(): TextBlock {
    const start = this.#takeCarried(new Uint8Array(0)).subarray(0, keptOfOverlongBytes);
    const line = this.#line++;
    this.#atStart = false;
    this.#dropping = true;
    const reason = `the line is longer than ${this.#lineBytesMax} bytes`;
    return {
      text: `${start.toString("utf8")}\n`,
      firstLine: line,
      problems: new Map([[line, reason]]),
    };
  }
}

function linesNotUtf8(bytes: Buffer, firstLine: number): Map<number, string> {
  const problems = new Map<number, string>();
  let line = firstLine;
  for (let at = 0; at < bytes.length; line++) {
    const found = bytes.indexOf(newline, at);
    const end = found === -1 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(at, end))) problems.set(line, "the text is not UTF-8");
    at = end + 1;
  }
  return problems;
}
