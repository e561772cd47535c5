// Counts the nodes and edges of the default graph that a part of the log adds and takes away, some frames at a time.

import { nodePutCreates, RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { Log } from "../log/log.ts";

export class EventCounter {
  /** What was added, less what was taken away. */
  nodes = 0;
  edges = 0;
  readonly #log: Log;
  readonly #toLsn: number;
  readonly #reader: EventReader = new EventReader();
  #nextLsn: number;

  /** Counts the events in `(afterLsn, toLsn]`. */
  constructor(log: Log, afterLsn: number, toLsn: number) {
    this.#log = log;
    this.#nextLsn = afterLsn + 1;
    this.#toLsn = toLsn;
  }

  /** Goes on for about so many bytes of the log; false once there is no more. */
  advance(bytes: number): boolean {
    for (let left = bytes; left > 0; ) {
      const frame =
        this.#nextLsn > this.#toLsn ? undefined : this.#log.frameAtOrAfter(this.#nextLsn);
      if (frame === undefined || frame.firstLsn > this.#toLsn) return false;
      this.#count(frame);
      this.#nextLsn = frame.firstLsn + frame.eventCount;
      left -= frame.to - frame.from;
    }
    return true;
  }

  #count(frame: LoadedFrame): void {
    const reader = this.#reader.open(frame.bytes, frame.from, frame.to, frame.firstLsn);
    while (reader.skip()) {
      const { lsn, eventCount } = reader;
      if (lsn > this.#toLsn) return;
      if (lsn + eventCount <= this.#nextLsn) continue;
      // The family stands first in every event of a graph; that of the default one is a zero byte.
      if (reader.bytes[reader.body.position] !== 0) continue;
      switch (reader.tag) {
        case RECORD.edgeAdd:
          this.edges++;
          break;
        case RECORD.edgeRun:
          this.edges += Math.min(lsn + eventCount, this.#toLsn + 1) - Math.max(lsn, this.#nextLsn);
          break;
        case RECORD.edgeRemove:
          this.edges--;
          break;
        case RECORD.nodePut:
          reader.decodeSkipped();
          if ((reader.flags & nodePutCreates) !== 0) this.nodes++;
          break;
        case RECORD.nodeRemove:
          this.nodes--;
          break;
        default:
          break;
      }
    }
  }
}
