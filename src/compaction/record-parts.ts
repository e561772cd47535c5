// What a rewriter asks of records: the ends of a run's edges, and whether a put says more than that there is a node.
import type { EventReader } from "../log/event-reader.ts";

/** Whether a put has neither labels nor props. */
export function isBare({ bytes, labelsFrom, recordTo }: EventReader): boolean {
  return recordTo - labelsFrom === 2 && bytes[labelsFrom] === 0 && bytes[labelsFrom + 1] === 0;
}

export function sourceAt(reader: EventReader, ordinal: number): number {
  return u32At(reader.bytes, reader.runFrom + ordinal * 4);
}

export function targetAt(reader: EventReader, ordinal: number): number {
  return u32At(reader.bytes, reader.runFrom + (reader.eventCount + ordinal) * 4);
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
