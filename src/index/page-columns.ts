// Writes and reads one column of a page: the same word of every entry, in the shortest of four simple encodings.

import { MalformedBytes, putU32 } from "../codec/bytes.ts";
import { type BitWriter, bitsAt, bitsOf, packedBytes } from "./page-bits.ts";
import { COLUMN_KIND, columnHeaderBytes, runsHeaderBytes } from "./page-format.ts";

/** What the four encodings would take, kept up to date while a page fills. */
export class ColumnStats {
  #count = 0;
  #min = 0;
  #max = 0;
  #last = 0;
  #isAscending = true;
  #stepMax = 0;
  #runCount = 0;
  #runLength = 0;
  #runLengthMax = 0;

  reset(): void {
    this.#count = 0;
    this.#isAscending = true;
    this.#stepMax = 0;
    this.#runCount = 0;
    this.#runLength = 0;
    this.#runLengthMax = 0;
  }

  /** Takes in `count` values at `at`, `at + stride` … */
  add(words: Uint32Array, at: number, stride: number, count: number): void {
    if (count === 0) return;
    let position = at;
    let left = count;
    if (this.#count === 0) {
      this.#last = words[position]!;
      this.#min = this.#last;
      this.#max = this.#last;
      this.#runCount = 1;
      this.#runLength = 1;
      position += stride;
      left--;
    }
    this.#count += count;
    let last = this.#last;
    let runLength = this.#runLength;
    for (; left > 0; left--, position += stride) {
      const value = words[position]!;
      if (value === last) {
        runLength++;
        continue;
      }
      this.#take(last, value, runLength);
      last = value;
      runLength = 1;
    }
    this.#last = last;
    this.#runLength = runLength;
    if (runLength > this.#runLengthMax) this.#runLengthMax = runLength;
  }

  #take(last: number, value: number, runLength: number): void {
    this.#runCount++;
    if (runLength > this.#runLengthMax) this.#runLengthMax = runLength;
    if (value > last) {
      if (value - last > this.#stepMax) this.#stepMax = value - last;
      if (value > this.#max) this.#max = value;
    } else {
      this.#isAscending = false;
      if (value < this.#min) this.#min = value;
    }
  }

  /** The kind of the shortest encoding. */
  get kind(): number {
    let kind: number = COLUMN_KIND.plain;
    let least = this.bytesAs(COLUMN_KIND.plain);
    for (const other of [COLUMN_KIND.ascending, COLUMN_KIND.runs, COLUMN_KIND.ascendingRuns]) {
      const bytes = this.bytesAs(other);
      if (bytes >= least) continue;
      least = bytes;
      kind = other;
    }
    return kind;
  }

  /** Bytes of the column as it would be written. */
  get bytes(): number {
    return this.bytesAs(this.kind);
  }

  bytesAs(kind: number): number {
    const isRuns = kind >= COLUMN_KIND.runs;
    if (isAscendingKind(kind) && !this.#isAscending) return Number.POSITIVE_INFINITY;
    const count = isRuns ? this.#runCount : this.#count;
    const values = packedBytes(packedCount(kind, count), this.bitsAs(kind));
    if (!isRuns) return columnHeaderBytes + values;
    return columnHeaderBytes + runsHeaderBytes + packedBytes(count, this.lengthBits) + values;
  }

  bitsAs(kind: number): number {
    return bitsOf(isAscendingKind(kind) ? this.#stepMax : this.#max - this.#min);
  }

  /** A column that ascends starts at its base; any other is above its base. */
  baseAs(kind: number, first: number): number {
    return isAscendingKind(kind) ? first : this.#min;
  }

  get lengthBits(): number {
    return bitsOf(this.#runLengthMax - 1);
  }

  get runCount(): number {
    return this.#runCount;
  }
}

function isAscendingKind(kind: number): boolean {
  return kind === COLUMN_KIND.ascending || kind === COLUMN_KIND.ascendingRuns;
}

/** A column that ascends packs the steps between its values: one fewer. */
function packedCount(kind: number, count: number): number {
  return isAscendingKind(kind) ? Math.max(count - 1, 0) : count;
}

/** Writes a column of `count` values that its statistics cover, and returns the position behind it. */
export function writeColumn(
  words: Uint32Array,
  stride: number,
  count: number,
  stats: ColumnStats,
  into: Uint8Array,
  position: number,
  writer: BitWriter,
  first: number,
): number {
  const kind = stats.kind;
  const bits = stats.bitsAs(kind);
  const base = count === 0 ? 0 : stats.baseAs(kind, words[first]!);
  into[position] = kind;
  into[position + 1] = bits;
  putU32(into, position + 2, base);
  let at = position + columnHeaderBytes;
  if (kind >= COLUMN_KIND.runs) {
    putU32(into, at, stats.runCount);
    into[at + 4] = stats.lengthBits;
    writer.open(into, at + runsHeaderBytes);
    writeLengths(words, first, stride, count, writer, stats.lengthBits);
    at = writer.align();
  }
  writer.open(into, at);
  writeValues(words, first, stride, count, kind, writer, bits, base);
  return writer.align();
}

function writeLengths(
  words: Uint32Array,
  first: number,
  stride: number,
  count: number,
  writer: BitWriter,
  bits: number,
): void {
  let extra = 0;
  for (let i = 1, at = first + stride; i < count; i++, at += stride) {
    if (words[at] === words[at - stride]) {
      extra++;
    } else {
      writer.put(extra, bits);
      extra = 0;
    }
  }
  writer.put(extra, bits);
}

function writeValues(
  words: Uint32Array,
  first: number,
  stride: number,
  count: number,
  kind: number,
  writer: BitWriter,
  bits: number,
  base: number,
): void {
  if (bits === 0) return;
  const skipsEqual = kind >= COLUMN_KIND.runs;
  const isAscending = isAscendingKind(kind);
  let last = words[first]!;
  if (!isAscending) writer.put(last - base, bits);
  for (let i = 1, at = first + stride; i < count; i++, at += stride) {
    const value = words[at]!;
    if (!skipsEqual || value !== last) writer.put(value - (isAscending ? last : base), bits);
    last = value;
  }
}

/** Reads columns out of a page. The view reaches 8 bytes beyond the end of the page. */
export class ColumnReader {
  position = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #end = 0;

  open(view: DataView, position: number, end: number): void {
    this.#view = view;
    this.position = position;
    this.#end = end;
  }

  /** Puts the next column's `count` values at `at`, `at + stride` … */
  read(into: Uint32Array, at: number, stride: number, count: number): void {
    const view = this.#view;
    const header = this.take(columnHeaderBytes);
    const kind = view.getUint8(header);
    const bits = view.getUint8(header + 1);
    const base = view.getUint32(header + 2, true);
    if (kind > COLUMN_KIND.ascendingRuns || bits > 32) {
      throw new MalformedBytes(`column of kind ${kind} and ${bits} bits at byte ${header}`);
    }
    if (kind >= COLUMN_KIND.runs) {
      this.#readRuns(into, at, stride, count, kind, bits, base);
      return;
    }
    const from = this.take(packedBytes(packedCount(kind, count), bits));
    if (bits === 0) fill(into, at, stride, count, base);
    else if (kind === COLUMN_KIND.plain) unpack(view, from, bits, base, into, at, stride, count);
    else unpackSteps(view, from, bits, base, into, at, stride, count);
  }

  /** Steps over bytes that must be there, and returns where they begin. */
  take(bytes: number): number {
    const from = this.position;
    if (bytes > this.#end - from) throw new MalformedBytes(`column past its page at byte ${from}`);
    this.position = from + bytes;
    return from;
  }

  #readRuns(
    into: Uint32Array,
    at: number,
    stride: number,
    count: number,
    kind: number,
    bits: number,
    base: number,
  ): void {
    const view = this.#view;
    const header = this.take(runsHeaderBytes);
    const runCount = view.getUint32(header, true);
    const lengthBits = view.getUint8(header + 4);
    if (runCount > count || lengthBits > 32) {
      throw new MalformedBytes(`${runCount} runs of ${count} values at byte ${header}`);
    }
    const lengths = this.take(packedBytes(runCount, lengthBits));
    const isAscending = kind === COLUMN_KIND.ascendingRuns;
    const values = this.take(packedBytes(packedCount(kind, runCount), bits));
    let value = base;
    let valueBit = 0;
    let lengthBit = 0;
    let left = count;
    let to = at;
    for (let run = 0; run < runCount; run++) {
      if (bits > 0 && !(isAscending && run === 0)) {
        value = (isAscending ? value : base) + bitsAt(view, values, valueBit, bits);
        valueBit += bits;
      }
      let length = 1;
      if (lengthBits > 0) {
        length += bitsAt(view, lengths, lengthBit, lengthBits);
        lengthBit += lengthBits;
      }
      if (length > left) break;
      left -= length;
      for (; length > 0; length--, to += stride) into[to] = value;
    }
    if (left !== 0) throw new MalformedBytes(`runs that are not ${count} values at byte ${header}`);
  }
}

function fill(into: Uint32Array, at: number, stride: number, count: number, value: number): void {
  const end = at + count * stride;
  for (let to = at; to < end; to += stride) into[to] = value;
}

function unpack(
  view: DataView,
  from: number,
  bits: number,
  base: number,
  into: Uint32Array,
  at: number,
  stride: number,
  count: number,
): void {
  const end = at + count * stride;
  let bit = 0;
  if (bits > 25) {
    for (let to = at; to < end; to += stride, bit += bits) {
      into[to] = base + bitsAt(view, from, bit, bits);
    }
    return;
  }
  // Up to here one read of four bytes has the whole number in it.
  const mask = (1 << bits) - 1;
  for (let to = at; to < end; to += stride, bit += bits) {
    const word = view.getInt32(from + (bit >>> 3), true);
    into[to] = (base + ((word >>> (bit & 7)) & mask)) | 0;
  }
}

function unpackSteps(
  view: DataView,
  from: number,
  bits: number,
  base: number,
  into: Uint32Array,
  at: number,
  stride: number,
  count: number,
): void {
  if (count === 0) return;
  const end = at + count * stride;
  let value = base | 0;
  into[at] = value;
  for (let to = at + stride, bit = 0; to < end; to += stride, bit += bits) {
    value = (value + bitsAt(view, from, bit, bits)) | 0;
    into[to] = value;
  }
}
