// A slice of a tree's entries as buffers that can move to another thread: taken from a source here, added to a writer there.

import type { EntrySink, EntrySource } from "./disk-tree-merge.ts";
import { blobBytesMax, type EntryShape, treeKeyBytesMax } from "./page-format.ts";
import { copyWords } from "./word-tree-node.ts";

export interface EntryBatch {
  readonly words: Uint32Array;
  /** Of each entry its key and then its blob, as far as the shape has them. */
  readonly bytes: Uint8Array;
  /** Where the key ends and where the blob ends, of each entry whose shape has either. */
  readonly ends: Uint32Array;
}

/** Small enough to be copied in well under a millisecond, and large enough for `batchEntries` of any width. */
const batchWords = 1 << 16;
const batchBytes = 1 << 18;
const batchEntries = 1 << 12;

/**
 * Takes the next entries out of a source, and moves it past them; undefined at its end.
 * @param written a batch of before, which came back: its buffers are used again.
 */
export function takeBatch(
  source: EntrySource,
  shape: EntryShape,
  written: EntryBatch = emptyBatch(),
): EntryBatch | undefined {
  if (!source.isValid) return undefined;
  return shape.keyBytes || shape.blob
    ? takeEntries(source, shape, written)
    : takeWords(source, shape.width, written);
}

/** Of buffers of its own: they move with it. */
function emptyBatch(): EntryBatch {
  return { words: new Uint32Array(0), bytes: new Uint8Array(0), ends: new Uint32Array(0) };
}

/** What of a batch moves to another thread. */
export function buffersOf({ words, bytes, ends }: EntryBatch): ArrayBuffer[] {
  return [words.buffer, bytes.buffer, ends.buffer] as ArrayBuffer[];
}

/** Adds the entries of a batch to a tree. */
export function writeBatch(batch: EntryBatch, writer: EntrySink, shape: EntryShape): void {
  const { words, bytes, ends } = batch;
  const { keyBytes, blob, width } = shape;
  if (!keyBytes && !blob) {
    writer.addRun(words, 0, words.length);
    return;
  }
  let from = 0;
  for (let base = 0, at = 0; base < words.length; base += width, at += 2) {
    const keyEnd = ends[at]!;
    const blobEnd = ends[at + 1]!;
    if (keyBytes) writer.setKey(bytes, from, keyEnd);
    if (blob) writer.setBlob(bytes, keyEnd, blobEnd);
    writer.add(words, base);
    from = blobEnd;
  }
}

function takeWords(source: EntrySource, width: number, written: EntryBatch): EntryBatch {
  const room = batchWords - (batchWords % width);
  const words = wordsOf(written.words, batchWords);
  let at = 0;
  while (source.isValid && at < room) {
    const { base, leafEnd } = source;
    const end = Math.min(leafEnd, base + room - at);
    words.set(source.words.subarray(base, end), at);
    at += end - base;
    if (end === leafEnd) source.nextLeaf();
    else source.moveTo(end);
  }
  return { words: words.subarray(0, at), bytes: written.bytes, ends: written.ends };
}

function takeEntries(
  source: EntrySource,
  { keyBytes, blob, width }: EntryShape,
  written: EntryBatch,
): EntryBatch {
  const words = wordsOf(written.words, batchWords);
  const bytes = bytesOf(written.bytes);
  const ends = wordsOf(written.ends, batchEntries * 2);
  const bytesFull = batchBytes - treeKeyBytesMax - blobBytesMax;
  let count = 0;
  let end = 0;
  for (; source.isValid && count < batchEntries && end < bytesFull; count++) {
    copyWords(source.words, source.base, words, count * width, width);
    if (keyBytes) end = append(bytes, end, source.keyChunk!, source.keyFrom!, source.keyTo!);
    ends[2 * count] = end;
    if (blob) end = append(bytes, end, source.blobChunk!, source.blobFrom!, source.blobTo!);
    ends[2 * count + 1] = end;
    source.next();
  }
  return {
    words: words.subarray(0, count * width),
    bytes: bytes.subarray(0, end),
    ends: ends.subarray(0, 2 * count),
  };
}

/** All of the buffer behind a view, or a new one where that is smaller. */
function wordsOf({ buffer }: Uint32Array, count: number): Uint32Array {
  return buffer.byteLength < 4 * count ? new Uint32Array(count) : new Uint32Array(buffer);
}

function bytesOf({ buffer }: Uint8Array): Uint8Array {
  return buffer.byteLength < batchBytes ? new Uint8Array(batchBytes) : new Uint8Array(buffer);
}

/** Copies from[start … stop) behind what is there, and returns the new end. */
function append(
  into: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  stop: number,
): number {
  let to = at;
  // Below this a loop beats the view that `set` wants.
  if (stop - start < 64) for (let i = start; i < stop; i++) into[to++] = from[i]!;
  else into.set(from.subarray(start, stop), to);
  return at + stop - start;
}
