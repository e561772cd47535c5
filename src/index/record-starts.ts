// Where the records of a payload begin, to take them back in the opposite order.

import type { EventReader } from "../log/event-reader.ts";

export class RecordStarts {
  positions: Uint32Array = new Uint32Array(64);
  lsns: Float64Array = new Float64Array(64);
  count = 0;

  /** Notes every record from where the reader stands to the end. */
  note(reader: EventReader): void {
    this.count = 0;
    while (reader.skip()) {
      if (this.count === this.positions.length) this.#grow();
      this.positions[this.count] = reader.recordFrom;
      this.lsns[this.count] = reader.lsn;
      this.count++;
    }
  }

  #grow(): void {
    const positions = new Uint32Array(this.count * 2);
    positions.set(this.positions);
    this.positions = positions;
    const lsns = new Float64Array(this.count * 2);
    lsns.set(this.lsns);
    this.lsns = lsns;
  }
}
