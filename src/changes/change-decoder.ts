// Turns the records of a frame into changes, those that the filter lets through.
import { type ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { limits } from "../codec/limits.ts";
import { decodeWtf8 } from "../codec/text.ts";
import { readValue } from "../codec/values.ts";
import type { GraphTrees } from "../index/graph-trees.ts";
import { defaultFamily, gapErased, RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { NameTable } from "../log/name-table.ts";
import { type Props, readProps } from "../log/props-codec.ts";
import type { Change } from "./change.ts";
import type { FeedSource } from "./feed-source.ts";
import type { FilterPlan } from "./filter-plan.ts";
import { RecordFilter } from "./record-filter.ts";

/** A change whose transaction is not over yet. */
export type OpenChange = Mutable<Change>;

type Mutable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;

type OpenNode = Extract<OpenChange, { kind: "node.put" | "node.patch" | "node.remove" }>;
type OpenEntry = Extract<OpenChange, { kind: "map.put" | "map.delete" }>;
type OpenEdge = Extract<OpenChange, { id: number }>;

/** Of the default graph, and of what is in no graph. */
const noGraph = "";

export class ChangeDecoder {
  readonly #source: FeedSource;
  readonly #index: GraphTrees;
  readonly #names: NameTable;
  readonly #filter: RecordFilter | undefined;
  readonly #before: boolean;
  readonly #reader: EventReader = new EventReader();
  /** Added edges whose ends have no keys yet, and the nodes there: the keys lie all over the memory, and are fetched faster at once. */
  readonly #unnamed: OpenEdge[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  constructor(source: FeedSource, filter: FilterPlan | undefined, before: boolean) {
    this.#source = source;
    this.#index = source.index;
    this.#names = source.names;
    this.#filter =
      filter === undefined ? undefined : new RecordFilter(filter, source.index, source.names);
    this.#before = before;
  }

  /** To be called once before the frames that are read without a pause. */
  begin(): void {
    this.#filter?.resolve();
  }

  /**
   * Adds the changes of a frame to `into`, from LSN `fromLsn` on. Those from `openFrom` on get the LSN of
   * their transaction's last event where that ends in the frame, else `txLastLsn`. Returns where the
   * changes begin whose transaction has not ended.
   */
  decode(
    frame: LoadedFrame,
    fromLsn: number,
    into: OpenChange[],
    openFrom: number,
    txLastLsn: number,
  ): number {
    const reader = this.#reader;
    const filter = this.#filter;
    const at = frame.timeMs;
    const { erasedLsn } = this.#source.log;
    let open = openFrom;
    this.#unnamed.length = 0;
    reader.open(frame.bytes, frame.from, frame.to, frame.firstLsn);
    while (filter === undefined ? reader.next() : reader.skip()) {
      const { tag } = reader;
      if (tag === RECORD.commit) {
        const lastLsn = reader.lsn - 1;
        for (; open < into.length; open++) into[open]!.txLastLsn = lastLsn;
      } else if (reader.eventCount > 0 && reader.lsn + reader.eventCount > fromLsn) {
        if (filter !== undefined) {
          if (!filter.wantsTag(tag)) continue;
          reader.decodeSkipped();
          if (!filter.matches(reader)) continue;
        }
        if (tag === RECORD.gap) addErased(reader, at, fromLsn, limits.lsnMax, txLastLsn, into);
        else if (tag === RECORD.edgeRun)
          this.#run(reader, at, fromLsn, limits.lsnMax, txLastLsn, into);
        else if (reader.lsn <= erasedLsn && this.#isErased(reader))
          into.push({ kind: "erased", lsn: reader.lsn, txLastLsn, at, graph: noGraph });
        else into.push(this.#single(reader, at, txLastLsn));
      }
    }
    this.#nameEnds();
    return open;
  }

  /**
   * The change of one event of a frame, undefined where the frame has no such event. Its transaction ends at `txLastLsn`, unless
   * it does in the frame.
   */
  decodeOne(frame: LoadedFrame, lsn: number, txLastLsn: number): Change | undefined {
    const reader = this.#reader.open(frame.bytes, frame.from, frame.to, frame.firstLsn);
    const found: OpenChange[] = [];
    this.#unnamed.length = 0;
    while (found.length === 0) {
      if (!reader.skip() || reader.lsn > lsn) return undefined;
      if (reader.lsn + reader.eventCount <= lsn) continue;
      reader.decodeSkipped();
      const at = frame.timeMs;
      if (reader.tag === RECORD.gap) addErased(reader, at, lsn, lsn, txLastLsn, found);
      else if (reader.tag === RECORD.edgeRun) this.#run(reader, at, lsn, lsn, txLastLsn, found);
      else if (lsn <= this.#source.log.erasedLsn && this.#isErased(reader))
        found.push({ kind: "erased", lsn, txLastLsn, at, graph: noGraph });
      else found.push(this.#single(reader, at, txLastLsn));
    }
    this.#nameEnds();
    const change = found[0]!;
    while (reader.skip()) {
      if (reader.tag !== RECORD.commit) continue;
      change.txLastLsn = reader.lsn - 1;
      break;
    }
    return change;
  }

  /**
   * Whether an event up to the last erasure is of something that is gone from the index, though the frame at hand is from before: this
   * process, or this reader, has that from a file that was replaced meanwhile.
   */
  #isErased({ tag, id, from, to }: EventReader): boolean {
    switch (tag) {
      case RECORD.nodePut:
      case RECORD.nodePatch:
      case RECORD.nodeRemove:
        return this.#index.keyOf(id) === undefined;
      case RECORD.edgeAdd:
      case RECORD.edgePatch:
      case RECORD.edgeRemove:
        return !this.#hasKeys(from, to);
      default:
        return false;
    }
  }

  #hasKeys(from: number, to: number): boolean {
    return this.#index.keyOf(from) !== undefined && this.#index.keyOf(to) !== undefined;
  }

  #single(reader: EventReader, at: number, txLastLsn: number): OpenChange {
    const { body, lsn, tag } = reader;
    switch (tag) {
      case RECORD.edgeAdd: {
        body.position = reader.propsFrom;
        const props = readProps(body, this.#names);
        const type = this.#name(reader.type);
        const graph = this.#graph(reader.family);
        return this.#add(lsn, txLastLsn, at, graph, type, reader.from, reader.to, props);
      }
      case RECORD.nodePut:
      case RECORD.nodePatch:
      case RECORD.nodeRemove:
        return this.#node(reader, at, txLastLsn);
      case RECORD.edgePatch:
      case RECORD.edgeRemove:
        return this.#edge(reader, at, txLastLsn);
      case RECORD.mapPut:
      case RECORD.mapDelete:
        return this.#entry(reader, at, txLastLsn);
      case RECORD.graphDrop: {
        const graph = this.#name(reader.family);
        return { kind: "graph.drop", lsn, txLastLsn, at, graph };
      }
      case RECORD.mapDrop: {
        const map = this.#name(reader.family);
        return { kind: "map.drop", lsn, txLastLsn, at, graph: noGraph, map };
      }
      case RECORD.userEvent: {
        const name = this.#name(reader.nameId);
        const graph = this.#graph(reader.family);
        return { kind: "event", lsn, txLastLsn, at, graph, name, value: readValue(body) };
      }
      default:
        throw new MalformedBytes(`record tag ${tag} is no event`);
    }
  }

  #node(reader: EventReader, at: number, txLastLsn: number): OpenChange {
    const { body, lsn, id } = reader;
    const key = this.#key(id);
    const graph = this.#graph(reader.family);
    body.position = reader.labelsFrom;
    const labels = this.#nameList(body);
    let change: OpenNode;
    if (reader.tag === RECORD.nodePut) {
      const props = this.#props(body);
      change = { kind: "node.put", lsn, txLastLsn, at, graph, key, labels, props };
    } else if (reader.tag === RECORD.nodeRemove) {
      change = { kind: "node.remove", lsn, txLastLsn, at, graph, key, labels };
    } else {
      const removeLabels = this.#nameList(body);
      const props = this.#props(body);
      const addLabels = labels;
      const kind = "node.patch";
      change = { kind, lsn, txLastLsn, at, graph, key, addLabels, removeLabels, props };
    }
    if (this.#before) change.before = this.#source.nodeAt(id, lsn - 1);
    return change;
  }

  #entry(reader: EventReader, at: number, txLastLsn: number): OpenChange {
    const { body, bytes, lsn, family } = reader;
    const map = this.#name(family);
    const key = decodeWtf8(bytes, reader.keyFrom, reader.keyTo);
    let change: OpenEntry;
    if (reader.tag === RECORD.mapDelete) {
      change = { kind: "map.delete", lsn, txLastLsn, at, graph: noGraph, map, key };
    } else {
      body.position = reader.propsFrom;
      const value = readValue(body);
      change = { kind: "map.put", lsn, txLastLsn, at, graph: noGraph, map, key, value };
    }
    if (this.#before) change.before = this.#source.entryAt(family, key, lsn - 1);
    return change;
  }

  #edge(reader: EventReader, at: number, txLastLsn: number): OpenChange {
    const { body, lsn, edgeId: id } = reader;
    const from = this.#key(reader.from);
    const to = this.#key(reader.to);
    const type = this.#name(reader.type);
    const graph = this.#graph(reader.family);
    let change: OpenEdge;
    if (reader.tag === RECORD.edgeRemove) {
      change = { kind: "edge.remove", lsn, txLastLsn, at, graph, id, from, type, to };
    } else {
      body.position = reader.propsFrom;
      const props = this.#props(body);
      change = { kind: "edge.patch", lsn, txLastLsn, at, graph, id, from, type, to, props };
    }
    if (this.#before) change.before = this.#source.edgeAt(id, lsn - 1);
    return change;
  }

  #run(
    reader: EventReader,
    at: number,
    fromLsn: number,
    toLsn: number,
    txLastLsn: number,
    into: OpenChange[],
  ): void {
    const { body, lsn, eventCount, runFrom } = reader;
    const filter = this.#filter;
    const type = this.#name(reader.type);
    const graph = this.#graph(reader.family);
    const { erasedLsn } = this.#source.log;
    const end = Math.min(eventCount, toLsn - lsn + 1);
    for (let i = Math.max(0, fromLsn - lsn); i < end; i++) {
      body.position = runFrom + i * 4;
      const source = body.u32();
      body.position = runFrom + (eventCount + i) * 4;
      const target = body.u32();
      if (filter !== undefined && !filter.matchesEnds(source, target)) continue;
      const id = lsn + i;
      if (id <= erasedLsn && !this.#hasKeys(source, target)) {
        into.push({ kind: "erased", lsn: id, txLastLsn, at, graph: noGraph });
        continue;
      }
      into.push(this.#add(id, txLastLsn, at, graph, type, source, target, {}));
    }
  }

  /** The change of an edge added, for now without the keys of its ends. */
  #add(
    id: number,
    txLastLsn: number,
    at: number,
    graph: string,
    type: string,
    source: number,
    target: number,
    props: Props,
  ): OpenEdge {
    const from = "";
    const to = "";
    const kind = "edge.add";
    const add: OpenEdge = { kind, lsn: id, txLastLsn, at, graph, id, from, type, to, props };
    if (this.#before) add.before = undefined;
    const count = this.#unnamed.length;
    this.#unnamed.push(add);
    this.#from[count] = source;
    this.#to[count] = target;
    return add;
  }

  #nameEnds(): void {
    const unnamed = this.#unnamed;
    for (let i = 0; i < unnamed.length; i++) {
      const add = unnamed[i]!;
      add.from = this.#key(this.#from[i]!);
      add.to = this.#key(this.#to[i]!);
    }
    unnamed.length = 0;
  }

  #props(body: ByteReader): Props {
    return readProps(body, this.#names);
  }

  #nameList(body: ByteReader): string[] {
    const list: string[] = [];
    for (let id = body.varint(); id !== 0; id = body.varint()) list.push(this.#name(id));
    return list;
  }

  #graph(family: number): string {
    return family === defaultFamily ? noGraph : this.#name(family);
  }

  #key(id: number): string {
    const key = this.#index.keyOf(id);
    if (key === undefined) throw new MalformedBytes(`no key for node ${id}`);
    return key;
  }

  #name(id: number): string {
    const name = this.#names.nameOf(id);
    if (name === undefined) throw new MalformedBytes(`undefined name number ${id}`);
    return name;
  }
}

/** What compaction has dropped is no change; what was erased is told of, and no more. */
function addErased(
  reader: EventReader,
  at: number,
  fromLsn: number,
  toLsn: number,
  txLastLsn: number,
  into: OpenChange[],
): void {
  if ((reader.flags & gapErased) === 0) return;
  const end = Math.min(reader.nextLsn, toLsn + 1);
  for (let lsn = Math.max(reader.lsn, fromLsn); lsn < end; lsn++) {
    into.push({ kind: "erased", lsn, txLastLsn, at, graph: noGraph });
  }
}
