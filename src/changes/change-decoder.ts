// Turns the records of a frame into changes.
import { MalformedBytes } from "../codec/bytes.ts";
import { readValue } from "../codec/values.ts";
import { RECORD } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";
import type { NameTable } from "../log/name-table.ts";
import { readNameIds, readProps } from "../log/props-codec.ts";
import type { Change } from "./change.ts";

/** Keys by node id, removed nodes included. */
export type KeyOf = (id: number) => string;

/** A change whose transaction is not over yet. */
export type OpenChange = Mutable<Change>;

type Mutable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

export class ChangeDecoder {
  readonly #names: NameTable;
  readonly #keyOf: KeyOf;

  constructor(names: NameTable, keyOf: KeyOf) {
    this.#names = names;
    this.#keyOf = keyOf;
  }

  /** Adds the changes of the record that the reader stands on to `into`, from LSN `fromLsn` on. */
  decode(reader: EventReader, at: number, fromLsn: number, into: OpenChange[]): void {
    if (reader.tag === RECORD.edgeRun) this.#run(reader, at, fromLsn, into);
    else if (reader.eventCount > 0 && reader.lsn >= fromLsn) into.push(this.#single(reader, at));
  }

  #single(reader: EventReader, at: number): OpenChange {
    const { body, lsn } = reader;
    const base = { lsn, txLastLsn: 0, at, graph: "" };
    switch (reader.tag) {
      case RECORD.nodePut: {
        body.position = reader.labelsFrom;
        const labels = this.#nameList(reader);
        const props = readProps(body, this.#names);
        return { kind: "node.put", ...base, key: this.#keyOf(reader.id), labels, props };
      }
      case RECORD.nodePatch: {
        body.position = reader.labelsFrom;
        const addLabels = this.#nameList(reader);
        const removeLabels = this.#nameList(reader);
        const props = readProps(body, this.#names);
        const key = this.#keyOf(reader.id);
        return { kind: "node.patch", ...base, key, addLabels, removeLabels, props };
      }
      case RECORD.nodeRemove: {
        body.position = reader.labelsFrom;
        const labels = this.#nameList(reader);
        return { kind: "node.remove", ...base, key: this.#keyOf(reader.id), labels };
      }
      case RECORD.edgeAdd: {
        body.position = reader.propsFrom;
        const props = readProps(body, this.#names);
        return { kind: "edge.add", ...base, id: lsn, ...this.#ends(reader), props };
      }
      case RECORD.edgePatch: {
        body.position = reader.propsFrom;
        const props = readProps(body, this.#names);
        return { kind: "edge.patch", ...base, id: reader.edgeId, ...this.#ends(reader), props };
      }
      case RECORD.edgeRemove:
        return { kind: "edge.remove", ...base, id: reader.edgeId, ...this.#ends(reader) };
      case RECORD.userEvent:
        return { kind: "event", ...base, name: this.#name(reader.nameId), value: readValue(body) };
      default:
        throw new MalformedBytes(`record tag ${reader.tag} is no event`);
    }
  }

  #run(reader: EventReader, at: number, fromLsn: number, into: OpenChange[]): void {
    const { body, lsn, eventCount, runFrom } = reader;
    const type = this.#name(reader.type);
    for (let i = Math.max(0, fromLsn - lsn); i < eventCount; i++) {
      body.position = runFrom + i * 4;
      const from = this.#keyOf(body.u32());
      body.position = runFrom + (eventCount + i) * 4;
      const to = this.#keyOf(body.u32());
      const id = lsn + i;
      into.push({
        kind: "edge.add",
        lsn: id,
        txLastLsn: 0,
        at,
        graph: "",
        id,
        from,
        type,
        to,
        props: {},
      });
    }
  }

  #ends(reader: EventReader): { from: string; type: string; to: string } {
    return {
      from: this.#keyOf(reader.from),
      type: this.#name(reader.type),
      to: this.#keyOf(reader.to),
    };
  }

  #nameList(reader: EventReader): string[] {
    return readNameIds(reader.body).map((id) => this.#name(id));
  }

  #name(id: number): string {
    const name = this.#names.nameOf(id);
    if (name === undefined) throw new MalformedBytes(`undefined name number ${id}`);
    return name;
  }
}
