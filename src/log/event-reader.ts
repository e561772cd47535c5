// Decodes the records of a frame's payload one by one into its own fields, without allocating.
import { ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { limits } from "../codec/limits.ts";
import {
  gapEventsMax,
  nodePutCreates,
  patchHasImage,
  RECORD,
  systemTagMin,
} from "./event-format.ts";

/** Name numbers are words in the trees. */
const nameIdMax = 2 ** 32 - 1;

function idOutOfRange(): MalformedBytes {
  return new MalformedBytes("id out of range");
}

/**
 * A cursor over the records of one payload. After `next()` the fields of the current record are
 * set; which ones depends on `tag`. `…From` and `…To` are offsets into `bytes`.
 *
 * Every method throws `MalformedBytes` where the bytes are not a payload.
 */
export class EventReader {
  readonly body: ByteReader = new ByteReader();
  tag = 0;
  /** LSN of the record's first event; of the next event for a system record. */
  lsn = 0;
  /** Events in the record: 0 for system records, more than 1 only for an edge run or a gap. */
  eventCount = 0;
  family = 0;
  /** Node id. */
  id = 0;
  flags = 0;
  keyFrom = 0;
  keyTo = 0;
  labelsFrom = 0;
  removeLabelsFrom = 0;
  /** Of a put into a map: its value. */
  propsFrom = 0;
  recordFrom = 0;
  recordTo = 0;
  type = 0;
  from = 0;
  to = 0;
  edgeId = 0;
  previousLsn = 0;
  /** Offset of the first of `eventCount` u32 sources; the targets follow them. */
  runFrom = 0;
  nameId = 0;

  #next = 0;
  #end = 0;
  #nextLsn = 0;

  get bytes(): Uint8Array {
    return this.body.bytes;
  }

  /** Where the record after the current one begins. */
  get position(): number {
    return this.#next;
  }

  /** The LSN that the next event gets. */
  get nextLsn(): number {
    return this.#nextLsn;
  }

  open(bytes: Uint8Array, from: number, to: number, firstLsn: number): this {
    this.body.open(bytes, from, to);
    this.#next = from;
    this.#end = to;
    this.#nextLsn = firstLsn;
    return this;
  }

  /** Moves to the next record. Returns false at the end of the payload. */
  next(): boolean {
    if (!this.#header()) return false;
    this.#decode();
    return true;
  }

  /** Moves past the next record reading only what counts its events: for finding an LSN. */
  skip(): boolean {
    if (!this.#header()) return false;
    this.#countEvents();
    return true;
  }

  /** Decodes the record that `skip` stopped at. */
  decodeSkipped(): void {
    this.#nextLsn = this.lsn;
    this.#decode();
  }

  #header(): boolean {
    if (this.#next >= this.#end) return false;
    const body = this.body;
    body.end = this.#end;
    body.position = this.#next;
    this.recordFrom = this.#next;
    this.tag = body.u8();
    const length = body.varint();
    const from = body.position;
    if (length > this.#end - from) throw new MalformedBytes("record reaches over the payload");
    this.recordTo = from + length;
    this.#next = this.recordTo;
    body.end = this.recordTo;
    this.lsn = this.#nextLsn;
    return true;
  }

  #countEvents(): void {
    if (this.tag >= systemTagMin) {
      this.eventCount = 0;
    } else if (this.tag === RECORD.edgeRun) {
      const body = this.body;
      const at = body.position;
      body.varint();
      body.varint();
      this.eventCount = body.varint();
      body.position = at;
    } else if (this.tag === RECORD.gap) {
      const body = this.body;
      const at = body.position;
      body.u8();
      this.eventCount = body.varint();
      body.position = at;
    } else {
      this.eventCount = 1;
    }
    this.#nextLsn += this.eventCount;
  }

  #decode(): void {
    const body = this.body;
    switch (this.tag) {
      case RECORD.edgeAdd:
        this.family = body.varint();
        this.type = body.varint();
        this.from = body.varint();
        this.to = body.varint();
        if (this.from > limits.nodeIdMax || this.to > limits.nodeIdMax) throw idOutOfRange();
        if (this.type > nameIdMax) throw idOutOfRange();
        this.propsFrom = body.position;
        this.edgeId = this.lsn;
        this.eventCount = 1;
        break;
      case RECORD.edgeRun:
        this.#run();
        break;
      case RECORD.nodePut:
        this.#nodePut();
        break;
      case RECORD.nodePatch:
        this.#nodePatch();
        break;
      case RECORD.nodeRemove:
        this.family = body.varint();
        this.#nodeId();
        this.#key();
        this.labelsFrom = body.position;
        this.eventCount = 1;
        break;
      case RECORD.edgePatch:
        this.#edgeEnds();
        this.flags = body.u8();
        this.#previous();
        this.propsFrom = body.position;
        this.eventCount = 1;
        break;
      case RECORD.edgeRemove:
        this.#edgeEnds();
        this.eventCount = 1;
        break;
      case RECORD.mapPut:
        this.family = body.varint();
        this.#key();
        this.propsFrom = body.position;
        this.eventCount = 1;
        break;
      case RECORD.mapDelete:
        this.family = body.varint();
        this.#key();
        this.eventCount = 1;
        break;
      case RECORD.graphDrop:
      case RECORD.mapDrop:
        this.family = body.varint();
        this.eventCount = 1;
        break;
      case RECORD.userEvent:
        this.family = body.varint();
        this.nameId = body.varint();
        this.eventCount = 1;
        break;
      case RECORD.gap:
        this.flags = body.u8();
        this.eventCount = body.varint();
        if (this.eventCount === 0 || this.eventCount > gapEventsMax) {
          throw new MalformedBytes("gap of no length that there is");
        }
        break;
      case RECORD.nodeIds:
        this.id = body.varint();
        this.eventCount = 0;
        break;
      case RECORD.name:
        this.nameId = body.varint();
        this.eventCount = 0;
        break;
      case RECORD.scopedName:
        this.nameId = body.varint();
        this.flags = body.u8();
        this.family = body.varint();
        this.eventCount = 0;
        break;
      case RECORD.state:
      case RECORD.commit:
        this.eventCount = 0;
        break;
      default:
        throw new MalformedBytes(`unknown record tag ${this.tag}`);
    }
    this.#nextLsn = this.lsn + this.eventCount;
  }

  #run(): void {
    const body = this.body;
    this.family = body.varint();
    this.type = body.varint();
    this.eventCount = body.varint();
    if (this.type > nameIdMax) throw idOutOfRange();
    this.runFrom = body.position;
    this.edgeId = this.lsn;
    if (this.recordTo - body.position !== this.eventCount * 8) {
      throw new MalformedBytes("edge run of the wrong length");
    }
  }

  #nodePut(): void {
    const body = this.body;
    this.family = body.varint();
    this.#nodeId();
    this.flags = body.u8();
    if ((this.flags & nodePutCreates) !== 0) this.#key();
    else this.keyFrom = this.keyTo = 0;
    this.labelsFrom = body.position;
    this.eventCount = 1;
  }

  #nodePatch(): void {
    const body = this.body;
    this.family = body.varint();
    this.#nodeId();
    this.flags = body.u8();
    this.#previous();
    this.labelsFrom = body.position;
    while (body.varint() !== 0);
    this.removeLabelsFrom = body.position;
    while (body.varint() !== 0);
    this.propsFrom = body.position;
    this.eventCount = 1;
  }

  #edgeEnds(): void {
    const body = this.body;
    this.family = body.varint();
    this.edgeId = body.varint();
    this.type = body.varint();
    this.from = body.varint();
    this.to = body.varint();
    if (this.from > limits.nodeIdMax || this.to > limits.nodeIdMax) throw idOutOfRange();
    if (this.type > nameIdMax) throw idOutOfRange();
    if (this.edgeId === 0 || this.edgeId >= this.lsn) {
      throw new MalformedBytes("change of an edge that does not exist yet");
    }
  }

  #nodeId(): void {
    this.id = this.body.varint();
    if (this.id === 0 || this.id > limits.nodeIdMax) throw idOutOfRange();
  }

  #previous(): void {
    const distance = this.body.varint();
    if (distance === 0 || distance > this.lsn)
      throw new MalformedBytes("previous version out of range");
    this.previousLsn = this.lsn - distance;
  }

  #key(): void {
    const length = this.body.varint();
    this.keyFrom = this.body.position;
    this.keyTo = this.keyFrom + length;
    this.body.skip(length);
  }

  /** Whether the current patch carries the full state after it. */
  get hasImage(): boolean {
    return (this.flags & patchHasImage) !== 0;
  }
}
