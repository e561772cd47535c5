// Encodes the events of one transaction. The graph writes through it; the log frames what it holds.

import { ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { writeValue } from "../codec/values.ts";
import type { BatchCut, BatchMark } from "./batch-marks.ts";
import type { EdgeEnds } from "./edge-ends.ts";
import {
  defaultFamily,
  edgeRunEdgesMax,
  nodePutCreates,
  patchHasImage,
  RECORD,
} from "./event-format.ts";
import { writeGap } from "./gap-record.ts";
import type { NameKind, NameTable } from "./name-table.ts";

/** A record must fit a frame, together with what may stand in front of it. */
const recordBytesMax: number = limits.frameBytesMax - 2 ** 20;

/** Property values by name, as a caller hands them in. */
export type PropsInput = Readonly<Record<string, unknown>>;

/**
 * The records of one transaction, in order. Names that they use for the first time stand in
 * `definitions`, which the log writes in front, so that undoing an operation need not undo a name.
 */
export class EventBatch {
  readonly records: ByteWriter = new ByteWriter(4096);
  readonly definitions: ByteWriter = new ByteWriter(256);
  readonly #names: NameTable;
  readonly #nameBuffer: ByteWriter = new ByteWriter(64);
  #cuts: BatchCut[] = [];
  #lastCut = 0;
  #firstLsn = 1;
  #eventCount = 0;
  #nameMark = 1;

  // Property names repeat from object to object: remembering them by place spares the Map.
  readonly #recentNames: string[] = [];
  readonly #recentIds: number[] = [];

  constructor(names: NameTable) {
    this.#names = names;
  }

  get firstLsn(): number {
    return this.#firstLsn;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** The LSN that the next event gets. */
  get nextLsn(): number {
    return this.#firstLsn + this.#eventCount;
  }

  get lastLsn(): number {
    return this.#firstLsn + this.#eventCount - 1;
  }

  /** Bytes encoded so far. */
  get bytes(): number {
    return this.records.position + this.definitions.position;
  }

  get cuts(): readonly BatchCut[] {
    return this.#cuts;
  }

  /** Where the name table stood when the transaction began. */
  get nameMark(): number {
    return this.#nameMark;
  }

  /** Starts over, empty, for a transaction whose first event gets `firstLsn`. */
  begin(firstLsn: number): void {
    this.records.reset();
    this.definitions.reset();
    if (this.#cuts.length > 0) this.#cuts = [];
    this.#lastCut = 0;
    this.#firstLsn = firstLsn;
    this.#eventCount = 0;
    this.#nameMark = this.#names.mark();
    // A name may have been taken back since the last transaction.
    this.#recentNames.length = 0;
    this.#recentIds.length = 0;
  }

  mark(): BatchMark {
    return {
      position: this.records.position,
      eventCount: this.#eventCount,
      cutCount: this.#cuts.length,
    };
  }

  /** Drops every record written since `mark`; names defined since then stay defined. */
  rollbackTo(mark: BatchMark): void {
    this.records.position = mark.position;
    this.#eventCount = mark.eventCount;
    this.#cuts.length = mark.cutCount;
    this.#lastCut = this.#cuts[mark.cutCount - 1]?.position ?? 0;
  }

  /** The number of a name, defined on first use. The caller has checked its length. */
  intern(name: string): number {
    const known = this.#names.idOf(name);
    if (known !== 0) return known;
    const id = this.#names.add(name);
    const body = this.#nameBuffer;
    body.reset();
    body.varint(id);
    body.text(name);
    this.#define(RECORD.name, body);
    return id;
  }

  /** Defines a name of a kind, whether there is one already or not, and returns its number. */
  internScoped(kind: NameKind, scope: number, name: string): number {
    const id = this.#names.addScoped(kind, scope, name);
    const body = this.#nameBuffer;
    body.reset();
    body.varint(id);
    body.u8(kind);
    body.varint(scope);
    body.text(name);
    this.#define(RECORD.scopedName, body);
    return id;
  }

  #define(tag: number, body: ByteWriter): void {
    this.definitions.u8(tag);
    this.definitions.varint(body.position);
    this.definitions.raw(body.view(0, body.position));
  }

  /** @param key only for a node that this event creates. */
  nodePut(
    family: number,
    id: number,
    key: string | undefined,
    labels: readonly number[],
    props: PropsInput | undefined,
  ): number {
    const w = this.records;
    const start = this.#open(RECORD.nodePut);
    w.varint(family);
    w.varint(id);
    w.u8(key === undefined ? 0 : nodePutCreates);
    if (key !== undefined) w.text(key);
    this.#list(labels);
    this.#props(props);
    return this.#close(start, 1);
  }

  /**
   * @param image the whole record after the patch (labels, then props, as `labelsAndProps` wrote
   *   them), every `patchImageEvery` patches; undefined in between.
   */
  nodePatch(
    family: number,
    id: number,
    previousLsn: number,
    addLabels: readonly number[],
    removeLabels: readonly number[],
    patch: PropsInput | undefined,
    image: Uint8Array | undefined,
  ): number {
    const w = this.records;
    const start = this.#open(RECORD.nodePatch);
    w.varint(family);
    w.varint(id);
    w.u8(image === undefined ? 0 : patchHasImage);
    w.varint(this.nextLsn - previousLsn);
    this.#list(addLabels);
    this.#list(removeLabels);
    this.#props(patch);
    if (image !== undefined) w.raw(image);
    return this.#close(start, 1);
  }

  nodeRemove(family: number, id: number, key: string, labels: readonly number[]): number {
    const w = this.records;
    const start = this.#open(RECORD.nodeRemove);
    w.varint(family);
    w.varint(id);
    w.text(key);
    this.#list(labels);
    return this.#close(start, 1);
  }

  /** Returns the edge's id: the LSN of this event. */
  edgeAdd(
    family: number,
    type: number,
    from: number,
    to: number,
    props: PropsInput | undefined,
  ): number {
    const w = this.records;
    const start = this.#open(RECORD.edgeAdd);
    w.varint(family);
    w.varint(type);
    w.varint(from);
    w.varint(to);
    this.#props(props);
    return this.#close(start, 1);
  }

  /** Adds edges without props between ids; returns the first edge's id, the others follow it. */
  edgeRun(family: number, type: number, from: Uint32Array, to: Uint32Array): number {
    const first = this.nextLsn;
    const w = this.records;
    for (let at = 0; at < from.length; at += edgeRunEdgesMax) {
      const end = Math.min(from.length, at + edgeRunEdgesMax);
      w.u8(RECORD.edgeRun);
      const header = this.#nameBuffer;
      header.reset();
      header.varint(family);
      header.varint(type);
      header.varint(end - at);
      w.varint(header.position + (end - at) * 8);
      w.raw(header.view(0, header.position));
      for (let i = at; i < end; i++) w.u32(from[i]!);
      for (let i = at; i < end; i++) w.u32(to[i]!);
      this.#finishRecord(end - at);
    }
    return first;
  }

  /** @param image all props after the patch, as `propsOnly` wrote them, or undefined. */
  edgePatch(
    family: number,
    edge: EdgeEnds,
    previousLsn: number,
    patch: PropsInput | undefined,
    image: Uint8Array | undefined,
  ): number {
    const w = this.records;
    const start = this.#open(RECORD.edgePatch);
    this.#edgeEnds(family, edge);
    w.u8(image === undefined ? 0 : patchHasImage);
    w.varint(this.nextLsn - previousLsn);
    this.#props(patch);
    if (image !== undefined) w.raw(image);
    return this.#close(start, 1);
  }

  edgeRemove(family: number, edge: EdgeEnds): number {
    const start = this.#open(RECORD.edgeRemove);
    this.#edgeEnds(family, edge);
    return this.#close(start, 1);
  }

  /** Puts an entry of a map, or takes it away where the value is undefined. */
  mapEntry(map: number, key: string, value: unknown): number {
    const w = this.records;
    const start = this.#open(value === undefined ? RECORD.mapDelete : RECORD.mapPut);
    w.varint(map);
    w.text(key);
    if (value !== undefined) writeValue(w, value);
    return this.#close(start, 1);
  }

  /** Ends a graph or a map with everything in it. */
  drop(tag: typeof RECORD.graphDrop | typeof RECORD.mapDrop, family: number): number {
    const start = this.#open(tag);
    this.records.varint(family);
    return this.#close(start, 1);
  }

  userEvent(name: number, value: unknown, family: number = defaultFamily): number {
    const w = this.records;
    const start = this.#open(RECORD.userEvent);
    w.varint(family);
    w.varint(name);
    writeValue(w, value);
    return this.#close(start, 1);
  }

  /** An event that does nothing: feeds tell that something was erased. */
  erased(): void {
    writeGap(this.records, 1, true);
    this.#finishRecord(1);
  }

  /** Sets a named piece of system state together with the transaction; takes no LSN. */
  state(name: string, value: unknown): void {
    const w = this.records;
    const start = this.#open(RECORD.state);
    w.text(name);
    writeValue(w, value);
    this.#close(start, 0);
  }

  /** Ends the transaction; nothing may be added after it. */
  commit(): void {
    this.records.u8(RECORD.commit);
    this.records.u8(0);
    this.#finishRecord(0);
  }

  /** Writes props in the event encoding to any writer, for record images. */
  propsTo(writer: ByteWriter, props: PropsInput): void {
    const names = Object.keys(props);
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      const value = props[name];
      if (value === undefined) continue;
      writer.varint(this.#propId(name, i));
      writeValue(writer, value);
    }
    writer.u8(0);
  }

  #edgeEnds(family: number, edge: EdgeEnds): void {
    const w = this.records;
    w.varint(family);
    w.varint(edge.id);
    w.varint(edge.type);
    w.varint(edge.from);
    w.varint(edge.to);
  }

  #list(ids: readonly number[]): void {
    const w = this.records;
    for (let i = 0; i < ids.length; i++) w.varint(ids[i]!);
    w.u8(0);
  }

  #props(props: PropsInput | undefined): void {
    if (props === undefined) this.records.u8(0);
    else this.propsTo(this.records, props);
  }

  #propId(name: string, place: number): number {
    if (this.#recentNames[place] === name) return this.#recentIds[place]!;
    const id = this.intern(name);
    if (place < 64) {
      this.#recentNames[place] = name;
      this.#recentIds[place] = id;
    }
    return id;
  }

  #open(tag: number): number {
    const w = this.records;
    w.u8(tag);
    const start = w.position;
    // Most bodies are shorter than 128 bytes, so one byte is kept for the length; #close makes room.
    w.u8(0);
    return start;
  }

  #close(start: number, events: number): number {
    const w = this.records;
    const length = w.position - start - 1;
    if (length > recordBytesMax) {
      throw new VarveError(
        "LIMIT_EXCEEDED",
        `one record of ${length} bytes; ${recordBytesMax} fit`,
        {
          details: { limit: "recordBytesMax", max: recordBytesMax, bytes: length },
        },
      );
    }
    if (length < 0x80) {
      w.bytes[start] = length;
    } else {
      const body = start + 1;
      const end = w.position;
      const extra = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : 3;
      w.reserve(extra);
      w.bytes.copyWithin(body + extra, body, end);
      w.position = start;
      w.varint(length);
      w.position = end + extra;
    }
    const lsn = this.nextLsn;
    this.#finishRecord(events);
    return lsn;
  }

  #finishRecord(events: number): void {
    this.#eventCount += events;
    const position = this.records.position;
    if (position - this.#lastCut >= limits.framePayloadBytesTarget) {
      this.#cuts.push({ position, eventCount: this.#eventCount });
      this.#lastCut = position;
    }
  }
}
