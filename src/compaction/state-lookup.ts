// Tells which state records are the last of their names: those that say what is durable now.
import { ByteWriter } from "../codec/bytes.ts";
import { tagNull } from "../codec/value-tags.ts";
import { readValue, writeValue } from "../codec/values.ts";
import type { EventReader } from "../log/event-reader.ts";
import type { Coverage } from "./coverage.ts";

export class StateLookup {
  readonly #durable: (name: string) => unknown;
  readonly #now: ByteWriter = new ByteWriter(256);
  readonly #then: ByteWriter = new ByteWriter(256);

  /** @param durable the value of a name as of what is known to be durable; undefined where it has none. */
  constructor(durable: (name: string) => unknown) {
    this.#durable = durable;
  }

  /**
   * Whether the record that the reader stands on has to stay. A value that is not the durable one was replaced by a later
   * record, which is in the log for good; one that took a name's value away goes with the last record that it takes away.
   */
  isNeeded(reader: EventReader, coverage: Coverage): boolean {
    const { body, lsn } = reader;
    const value = this.#durable(body.text());
    if (reader.bytes[body.position] === tagNull) {
      return (value ?? null) === null && !coverage.statesAreGone(lsn);
    }
    if (value === undefined || value === null) return false;
    this.#write(this.#now, value);
    this.#write(this.#then, readValue(body));
    return isSame(this.#now, this.#then);
  }

  #write(writer: ByteWriter, value: unknown): void {
    writer.reset();
    writeValue(writer, value);
  }
}

function isSame(a: ByteWriter, b: ByteWriter): boolean {
  if (a.position !== b.position) return false;
  for (let i = 0; i < a.position; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}
