// Writes the records that only compaction writes: gaps, and what is left to say of node ids.
import type { ByteWriter } from "../codec/bytes.ts";
import { gapErased, RECORD } from "./event-format.ts";

/** Stands for `count` events; of erased ones, feeds go on telling that there were some. */
export function writeGap(writer: ByteWriter, count: number, isErased: boolean): void {
  writer.u8(RECORD.gap);
  const start = writer.position;
  writer.u8(0);
  writer.u8(isErased ? gapErased : 0);
  writer.varint(count);
  writer.bytes[start] = writer.position - start - 1;
}

/** Says that every node id below `next` was given out. */
export function writeNodeIds(writer: ByteWriter, next: number): void {
  writer.u8(RECORD.nodeIds);
  const start = writer.position;
  writer.u8(0);
  writer.varint(next);
  writer.bytes[start] = writer.position - start - 1;
}

export function writeCommit(writer: ByteWriter): void {
  writer.u8(RECORD.commit);
  writer.u8(0);
}
