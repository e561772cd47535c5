// Takes the records of a sealed segment one by one and writes what has to stay of each, as the rules and the index say.
import { ByteWriter } from "../codec/bytes.ts";
import { storedKey } from "../index/family-key.ts";
import { keyRemoved } from "../index/key-layers.ts";
import { versionDepthShift, versionRemoves } from "../index/node-versions.ts";
import {
  defaultFamily,
  nodePutCreates,
  patchHasImage,
  RECORD,
  systemTagMin,
} from "../log/event-format.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import { EventReader } from "../log/event-reader.ts";
import type { Coverage } from "./coverage.ts";
import type { FrameBuilder } from "./frame-builder.ts";
import { FullState } from "./full-state.ts";
import { type EventFindings, type EventRole, keepOrDrop, type Verdict } from "./keep-or-drop.ts";
import { isBare, sourceAt, targetAt } from "./record-parts.ts";
import type { RewriterIndex } from "./rewriter-index.ts";
import type { StateLookup } from "./state-lookup.ts";

/** Nodes of which nothing may be left, whatever the horizon; their edges go with them. */
export interface ErasedNodes {
  has(id: number): boolean;
  /** The LSN up to which they were erased. */
  readonly lsn: number;
}

export interface RewriterParts {
  readonly index: RewriterIndex;
  readonly events: Pick<EventLookup, "find">;
  readonly states: StateLookup;
  readonly coverage: Coverage;
  readonly horizon: number;
  readonly erased: ErasedNodes | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Records between two looks at the clock. */
const recordsPerLook = 32;

export class RecordRewriter {
  /** Events that stay no more, and records that change in whatever way. */
  dropped = 0;
  changed = 0;
  readonly #parts: RewriterParts;
  readonly #out: FrameBuilder;
  readonly #reader: EventReader = new EventReader();
  readonly #full: FullState;
  readonly #body: ByteWriter = new ByteWriter(512);
  /** Reused: one object for every event. */
  readonly #found: Mutable<EventFindings>;
  #nextNodeId = 0;
  #nodesWereDropped = false;

  constructor(parts: RewriterParts, out: FrameBuilder) {
    this.#parts = parts;
    this.#out = out;
    this.#full = new FullState(parts.events);
    this.#found = {
      role: "user event",
      lsn: 0,
      horizon: parts.horizon,
      newestLsn: 0,
      newestIsRemoval: false,
      newestIsWhole: false,
      newestIsFull: false,
      creates: false,
      earlierAreGone: false,
      isErased: false,
    };
  }

  /** What a replay must be told of node ids, where events that said it are gone; else 0. */
  get nextNodeId(): number {
    return this.#nodesWereDropped ? this.#nextNodeId : 0;
  }

  /** Begins a frame's payload. */
  open(bytes: Uint8Array, from: number, to: number, firstLsn: number): void {
    this.#reader.open(bytes, from, to, firstLsn);
  }

  /** Goes on with the payload until it is over or time is up; returns whether it is over. */
  advance(isTimeUp: () => boolean): boolean {
    const reader = this.#reader;
    for (let records = 1; reader.next(); records++) {
      if (reader.tag < systemTagMin) this.#event(reader);
      else this.#system(reader);
      if (records % recordsPerLook === 0 && isTimeUp()) return false;
    }
    return true;
  }

  #event(reader: EventReader): void {
    if (this.#isOver(reader)) {
      this.#dropWhole(reader);
      return;
    }
    switch (reader.tag) {
      case RECORD.mapPut:
        this.#settle(reader, this.#ofEntry(reader, "entry put"));
        break;
      case RECORD.mapDelete:
        this.#settle(reader, this.#ofEntry(reader, "entry removal"));
        break;
      case RECORD.graphDrop:
      case RECORD.mapDrop:
        this.#settle(reader, this.#judge("drop", reader.lsn));
        break;
      case RECORD.nodePut:
      case RECORD.nodePatch:
        this.#node(reader);
        break;
      case RECORD.nodeRemove:
        this.#settle(reader, this.#ofNode(reader, "node removal"));
        break;
      case RECORD.edgeAdd:
        this.#edgeAdd(reader);
        break;
      case RECORD.edgeRun:
        this.#edgeRun(reader);
        break;
      case RECORD.edgePatch:
        this.#edgePatch(reader);
        break;
      case RECORD.edgeRemove: {
        const isErased = this.#edgeIsErased(reader.from, reader.to);
        this.#settle(reader, this.#ofEdge("edge removal", reader.lsn, reader.edgeId, isErased));
        break;
      }
      case RECORD.userEvent:
        this.#settle(reader, this.#judge("user event", reader.lsn));
        break;
      default:
        this.#out.gap(reader.eventCount, reader.flags !== 0);
    }
  }

  /** Whether an event is of a graph or map that is dropped as of the horizon. */
  #isOver({ tag, family, lsn }: EventReader): boolean {
    const { index, horizon } = this.#parts;
    if (tag === RECORD.gap || index.families.isEmpty || family === defaultFamily) return false;
    if (tag === RECORD.graphDrop || tag === RECORD.mapDrop || lsn > horizon) return false;
    return (index.families.get(family)?.droppedLsn ?? Number.POSITIVE_INFINITY) <= horizon;
  }

  #dropWhole(reader: EventReader): void {
    if (reader.tag === RECORD.nodePut) {
      this.#nextNodeId = Math.max(this.#nextNodeId, reader.id + 1);
      this.#nodesWereDropped = true;
    }
    this.#gap(reader.eventCount, false);
  }

  #system(reader: EventReader): void {
    switch (reader.tag) {
      case RECORD.commit:
        this.#out.commit();
        break;
      case RECORD.nodeIds:
        this.#nextNodeId = Math.max(this.#nextNodeId, reader.id);
        this.#nodesWereDropped = true;
        break;
      case RECORD.state:
        if (this.#parts.states.isNeeded(reader, this.#parts.coverage)) this.#keep(reader);
        else this.changed++;
        break;
      default:
        this.#keep(reader);
    }
  }

  #node(reader: EventReader): void {
    const { id, tag } = reader;
    const creates = tag === RECORD.nodePut && (reader.flags & nodePutCreates) !== 0;
    this.#found.creates = creates;
    const verdict = this.#ofNode(reader, "node state");
    if (creates) this.#nextNodeId = Math.max(this.#nextNodeId, id + 1);
    if (verdict === "fold" && !creates) this.#foldNode(reader);
    else if (verdict === "strip" && !isBare(reader)) this.#bareNode(reader);
    else this.#settle(reader, verdict);
    if (creates && (verdict === "drop" || verdict === "erase")) this.#nodesWereDropped = true;
  }

  /** A put that creates the node and says nothing else of it. */
  #bareNode({ family, id, bytes, keyFrom, keyTo }: EventReader): void {
    const body = this.#begin();
    body.varint(family);
    body.varint(id);
    body.u8(nodePutCreates);
    body.varint(keyTo - keyFrom);
    body.raw(bytes.subarray(keyFrom, keyTo));
    body.u8(0);
    body.u8(0);
    this.#put(RECORD.nodePut);
  }

  /** A put that creates the node with all that it is now, in the place of its last change. */
  #foldNode(reader: EventReader): void {
    const { nodes } = this.#parts.index;
    const props = this.#full.props(reader);
    // Order: what the index found for the verdict is the version at this LSN.
    const key = nodes.openKey();
    const body = this.#begin();
    body.varint(reader.family);
    body.varint(reader.id);
    body.u8(nodePutCreates);
    body.varint(key.end - key.position);
    body.raw(key.bytes.subarray(key.position, key.end));
    const labels = nodes.open();
    const labelsFrom = labels.position;
    while (labels.varint() !== 0);
    body.raw(labels.bytes.subarray(labelsFrom, labels.position));
    body.raw(props);
    this.#put(RECORD.nodePut);
  }

  #edgeAdd(reader: EventReader): void {
    const { lsn, from, to, type, family } = reader;
    const isErased = this.#edgeIsErased(from, to);
    const verdict = this.#ofEdge("edge addition", lsn, lsn, isErased);
    const hasProps = reader.recordTo - reader.propsFrom > 1;
    if (verdict !== "strip" || !hasProps) this.#settle(reader, verdict);
    else this.#bareEdge(family, type, from, to);
  }

  #bareEdge(family: number, type: number, from: number, to: number): void {
    const body = this.#begin();
    body.varint(family);
    body.varint(type);
    body.varint(from);
    body.varint(to);
    body.u8(0);
    this.#put(RECORD.edgeAdd);
  }

  /** Edges of a run that stay remain runs; the others become gaps between them. */
  #edgeRun(reader: EventReader): void {
    const { lsn, eventCount } = reader;
    const { edges } = this.#parts.index;
    const isErasing = this.#parts.erased !== undefined;
    // Most edges are never changed: they need no look.
    let changed = edges.nextEdge(lsn);
    if (!isErasing && changed >= lsn + eventCount) {
      this.#keep(reader);
      return;
    }
    let stayFrom = 0;
    for (let i = 0; i < eventCount; i++) {
      const id = lsn + i;
      if (changed < id) changed = edges.nextEdge(id);
      const isErased = isErasing && this.#edgeIsErased(sourceAt(reader, i), targetAt(reader, i));
      if (!isErased && changed !== id) continue;
      const verdict = this.#ofEdge("edge addition", id, id, isErased);
      if (verdict !== "drop" && verdict !== "erase") continue;
      this.#pieceOfRun(reader, stayFrom, i);
      this.#gap(1, verdict === "erase");
      stayFrom = i + 1;
    }
    if (stayFrom === 0) this.#keep(reader);
    else this.#pieceOfRun(reader, stayFrom, eventCount);
  }

  #pieceOfRun(reader: EventReader, from: number, to: number): void {
    const count = to - from;
    if (count === 0) return;
    const { family, type, bytes, runFrom, eventCount } = reader;
    if (count === 1) {
      this.#bareEdge(family, type, sourceAt(reader, from), targetAt(reader, from));
      return;
    }
    const body = this.#begin();
    body.varint(family);
    body.varint(type);
    body.varint(count);
    body.raw(bytes.subarray(runFrom + from * 4, runFrom + to * 4));
    body.raw(bytes.subarray(runFrom + (eventCount + from) * 4, runFrom + (eventCount + to) * 4));
    this.#put(RECORD.edgeRun, count);
  }

  #edgePatch(reader: EventReader): void {
    const { lsn, edgeId, from, to } = reader;
    const verdict = this.#ofEdge("edge patch", lsn, edgeId, this.#edgeIsErased(from, to));
    // What a patch with an image patches says nothing that the image does not.
    const isWhole = reader.hasImage && reader.bytes[reader.propsFrom] === 0;
    if (verdict !== "fold" || isWhole) {
      this.#settle(reader, verdict);
      return;
    }
    const body = this.#begin();
    body.varint(reader.family);
    body.varint(edgeId);
    body.varint(reader.type);
    body.varint(from);
    body.varint(to);
    body.u8(patchHasImage);
    body.varint(lsn - reader.previousLsn);
    body.u8(0);
    body.raw(this.#full.props(reader));
    this.#put(RECORD.edgePatch);
  }

  #ofNode(reader: EventReader, role: EventRole): Verdict {
    const { index, horizon, erased } = this.#parts;
    const { id, lsn } = reader;
    const found = this.#found;
    const hasVersion = index.nodes.find(id, horizon);
    found.newestLsn = hasVersion ? index.nodes.foundLsn : 0;
    found.newestIsRemoval = hasVersion && (index.nodes.foundFlags & versionRemoves) !== 0;
    found.newestIsFull = hasVersion && index.nodes.foundFlags >>> versionDepthShift === 0;
    found.isErased = erased?.has(id) === true;
    if (role === "node removal") found.earlierAreGone = this.#areGone(1, lsn);
    return this.#judge(role, lsn);
  }

  #ofEdge(role: EventRole, lsn: number, edge: number, isErased: boolean): Verdict {
    const { index, horizon } = this.#parts;
    const found = this.#found;
    const hasVersion = index.edges.find(edge, horizon);
    found.newestLsn = hasVersion ? index.edges.foundLsn : 0;
    found.newestIsRemoval = hasVersion && index.edges.foundIsRemoval;
    found.newestIsFull = hasVersion && index.edges.foundDepth === 0;
    found.isErased = isErased;
    if (role === "edge removal") found.earlierAreGone = this.#areGone(edge, lsn);
    return this.#judge(role, lsn);
  }

  /** Whether nothing of the thing in question is left from `fromLsn` to its removal. */
  #areGone(fromLsn: number, lsn: number): boolean {
    const { coverage, erased } = this.#parts;
    return this.#found.isErased
      ? coverage.areErased(fromLsn, lsn, erased!.lsn)
      : coverage.areGone(fromLsn, lsn);
  }

  #ofEntry({ family, bytes, keyFrom, keyTo, lsn }: EventReader, role: EventRole): Verdict {
    const { index, horizon } = this.#parts;
    const { keys } = index;
    const found = this.#found;
    const hasVersion = keys.findKey(storedKey(family, bytes.subarray(keyFrom, keyTo)), horizon);
    found.newestLsn = hasVersion ? keys.foundLsn : 0;
    found.newestIsRemoval = hasVersion && keys.foundFlags === keyRemoved;
    found.isErased = false;
    if (role === "entry removal") found.earlierAreGone = this.#areGone(1, lsn);
    return this.#judge(role, lsn);
  }

  #judge(role: EventRole, lsn: number): Verdict {
    const found = this.#found;
    found.role = role;
    found.lsn = lsn;
    if (role === "user event" || role === "drop") found.isErased = false;
    found.newestIsWhole = found.newestLsn > lsn && this.#parts.coverage.isWhole(found.newestLsn);
    return keepOrDrop(found);
  }

  #edgeIsErased(from: number, to: number): boolean {
    const { erased } = this.#parts;
    return erased !== undefined && (erased.has(from) || erased.has(to));
  }

  /** Carries out a verdict that changes nothing but whether the record stays. */
  #settle(reader: EventReader, verdict: Verdict): void {
    if (verdict === "drop" || verdict === "erase") this.#gap(1, verdict === "erase");
    else this.#keep(reader);
  }

  #gap(count: number, isErased: boolean): void {
    this.#out.gap(count, isErased);
    this.dropped += count;
    this.changed++;
  }

  #keep({ bytes, recordFrom, recordTo, eventCount }: EventReader): void {
    this.#out.record(eventCount).raw(bytes.subarray(recordFrom, recordTo));
  }

  #begin(): ByteWriter {
    this.#body.reset();
    return this.#body;
  }

  /** Writes the record whose body was begun. */
  #put(tag: number, events = 1): void {
    const body = this.#body;
    const writer = this.#out.record(events);
    writer.u8(tag);
    writer.varint(body.position);
    writer.raw(body.view(0, body.position));
    this.changed++;
  }
}
