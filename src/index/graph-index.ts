// Applies events to the trees of a graph, and takes them back: the one way in for live writes, for what a transaction sees of
// itself, and for replay.
import { ByteReader, ByteWriter, MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { defaultFamily, nodePutCreates, RECORD, systemTagMin } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import { readNameIds, skipProps } from "../log/props-codec.ts";
import { GraphTrees } from "./graph-trees.ts";
import { hashOf } from "./key-bytes.ts";
import { keyRemoved } from "./key-layers.ts";
import { mergeLabels, mergeProps } from "./merge-props.ts";
import { versionDepthShift, versionPropsInLog, versionRemoves } from "./node-versions.ts";

/** Larger node records stay in the log. */
export const inlineRecordBytesMax = 256;

/** Edges staged while a log is replayed: some 7 MB in each direction. */
const replayStagingCapacity: number = 2 ** 18;

const noLabels: readonly number[] = [];

/** The default graph. Events are applied in the order of their LSNs and taken back in the opposite order. */
export class GraphIndex extends GraphTrees {
  readonly #reader = new EventReader();
  readonly #patch = new ByteReader();
  readonly #item = new ByteWriter(512);
  /** Where the records of a payload begin that is being taken back, and their first LSNs. */
  #starts: Uint32Array = new Uint32Array(64);
  #lsns: Float64Array = new Float64Array(64);

  /**
   * Applies the records `bytes[from … to)`, whose first event has `firstLsn`. Throws `MalformedBytes` where they contradict
   * themselves or what is here; `FORMAT_UNSUPPORTED` for events of another graph.
   */
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number): void {
    const reader = this.#reader.open(bytes, from, to, firstLsn);
    while (reader.next()) {
      switch (reader.tag) {
        case RECORD.edgeAdd:
          this.#checkFamily(reader.family);
          this.outgoing.insert(reader.from, reader.type, reader.to, reader.lsn);
          this.incoming.insert(reader.to, reader.type, reader.from, reader.lsn);
          this.edgeCount++;
          break;
        case RECORD.edgeRun:
          this.#applyRun(reader);
          break;
        case RECORD.name:
          this.#applyName(reader);
          break;
        case RECORD.nodeIds:
          if (reader.id > this.nextNodeId) this.nextNodeId = reader.id;
          break;
        default:
          if (reader.tag < systemTagMin) this.#applyRare(reader);
      }
    }
    const lastLsn = reader.nextLsn - 1;
    if (lastLsn > this.lastLsn) this.lastLsn = lastLsn;
  }

  /**
   * Takes back exactly what `apply` did for the same bytes, which must be the newest applied. Names stay defined, and the ids
   * of its nodes are not given again.
   */
  unapply(bytes: Uint8Array, from: number, to: number, firstLsn: number): void {
    const reader = this.#reader.open(bytes, from, to, firstLsn);
    const count = this.#noteStarts(reader);
    for (let i = count - 1; i >= 0; i--) {
      reader.open(bytes, this.#starts[i]!, to, this.#lsns[i]!);
      reader.next();
      this.#undo(reader);
    }
    this.lastLsn = firstLsn - 1;
    this.cutAt(firstLsn);
  }

  /** Runs a replay: nobody reads until it is over, so edges are merged into the trees in large portions. */
  async replaying<T>(replay: () => Promise<T>): Promise<T> {
    const outgoing = this.outgoing.layers;
    const incoming = this.incoming.layers;
    const before = outgoing.setStagingCapacity(replayStagingCapacity);
    incoming.setStagingCapacity(replayStagingCapacity);
    try {
      return await replay();
    } finally {
      outgoing.setStagingCapacity(before);
      incoming.setStagingCapacity(before);
    }
  }

  #applyRare(reader: EventReader): void {
    switch (reader.tag) {
      case RECORD.nodePut:
        this.#checkFamily(reader.family);
        if ((reader.flags & nodePutCreates) !== 0) this.#applyCreate(reader);
        else this.#applyReplace(reader);
        break;
      case RECORD.nodePatch:
        this.#checkFamily(reader.family);
        this.#applyNodePatch(reader);
        break;
      case RECORD.nodeRemove:
        this.#checkFamily(reader.family);
        this.#applyNodeRemove(reader);
        break;
      case RECORD.edgePatch: {
        this.#checkFamily(reader.family);
        const { edgeId, lsn } = reader;
        if (this.#isLeftOver(reader)) break;
        const isPatched = this.edges.find(edgeId, lsn);
        const depth = isPatched ? this.edges.foundDepth : 0;
        if (isPatched) this.superseded.note(this.edges.foundLsn);
        this.edges.insertPatch(edgeId, lsn, reader.hasImage ? 0 : depth + 1);
        break;
      }
      case RECORD.edgeRemove: {
        this.#checkFamily(reader.family);
        const { edgeId, type, lsn } = reader;
        if (this.#isLeftOver(reader)) break;
        this.outgoing.insertRemoval(reader.from, type, reader.to, edgeId, lsn);
        this.incoming.insertRemoval(reader.to, type, reader.from, edgeId, lsn);
        this.edges.insertRemoval(edgeId, lsn);
        this.superseded.note(edgeId);
        this.edgeCount--;
        break;
      }
      default:
        // A user event concerns the feeds only, and a gap nobody.
        break;
    }
  }

  #applyRun(reader: EventReader): void {
    this.#checkFamily(reader.family);
    const { type, lsn, eventCount, bytes } = reader;
    let source = reader.runFrom;
    let target = source + eventCount * 4;
    for (let i = 0; i < eventCount; i++, source += 4, target += 4) {
      const from = u32At(bytes, source);
      const to = u32At(bytes, target);
      this.outgoing.insert(from, type, to, lsn + i);
      this.incoming.insert(to, type, from, lsn + i);
    }
    this.edgeCount += eventCount;
  }

  #applyName(reader: EventReader): void {
    if (!this.names.define(reader.nameId, reader.body.text())) {
      throw new MalformedBytes(
        `name ${reader.nameId} is defined differently before LSN ${reader.lsn}`,
      );
    }
  }

  #applyCreate(reader: EventReader): void {
    const { id, lsn, bytes, keyFrom, keyTo, recordTo } = reader;
    const { nodes } = this;
    if (id === 0 || (id <= this.liveIds.highest && nodes.find(id, lsn))) {
      if (lsn > this.compactedTo) {
        throw new MalformedBytes(`node ${id} is created again at LSN ${lsn}`);
      }
      // Everything that the node was is folded into this; some of that may be there as well.
      this.#applyReplace(reader);
      return;
    }
    // The key's length stands right before it, so that the item is one piece of the record.
    const from = keyFrom - (keyTo - keyFrom < 0x80 ? 1 : 2);
    const isSmall = recordTo - reader.labelsFrom <= inlineRecordBytesMax;
    const to = isSmall ? recordTo : endOfList(reader.body, reader.labelsFrom);
    nodes.insert(id, lsn, isSmall ? 0 : versionPropsInLog, bytes, from, to);
    this.keys.insert(bytes, keyFrom, keyTo, lsn, id, 0);
    this.keyCache.put(bytes, keyFrom, keyTo, hashOf(bytes, keyFrom, keyTo), id);
    this.liveIds.create(id);
    reader.body.position = reader.labelsFrom;
    this.#changeLabels(id, lsn, noLabels, readNameIds(reader.body));
    this.nodeCount++;
    if (id >= this.nextNodeId) this.nextNodeId = id + 1;
  }

  #applyReplace(reader: EventReader): void {
    const { id, lsn, bytes, labelsFrom, recordTo } = reader;
    const before = this.#labelsBefore(id, lsn);
    if (before === undefined) return;
    const isSmall = recordTo - labelsFrom <= inlineRecordBytesMax;
    const to = isSmall ? recordTo : endOfList(reader.body, labelsFrom);
    const item = this.#beginItem();
    item.raw(bytes.subarray(labelsFrom, to));
    this.#insertItem(id, lsn, isSmall ? 0 : versionPropsInLog);
    reader.body.position = labelsFrom;
    this.#changeLabels(id, lsn, before, readNameIds(reader.body));
  }

  #applyNodePatch(reader: EventReader): void {
    const { id, lsn } = reader;
    const { nodes } = this;
    const before = this.#labelsBefore(id, lsn);
    if (before === undefined) return;
    const { foundFlags } = nodes;
    const body = reader.body;
    body.position = reader.labelsFrom;
    const added = readNameIds(body);
    const removed = readNameIds(body);
    const after = mergeLabels(before, added, removed);
    const depth = reader.hasImage ? 0 : (foundFlags >>> versionDepthShift) + 1;

    const item = this.#beginItem();
    const labelsFrom = item.position;
    for (const label of after) item.varint(label);
    item.u8(0);
    let flags = depth << versionDepthShift;
    const labelsEnd = item.position;
    if ((foundFlags & versionPropsInLog) === 0) {
      const base = nodes.open();
      while (base.varint() !== 0);
      mergeProps(base, this.#patch.open(reader.bytes, reader.propsFrom, reader.recordTo), item);
    } else if (reader.hasImage) {
      body.position = reader.propsFrom;
      skipProps(body);
      item.raw(reader.bytes.subarray(endOfList(body, body.position), reader.recordTo));
    }
    if (item.position - labelsFrom > inlineRecordBytesMax || item.position === labelsEnd) {
      item.position = labelsEnd;
      flags |= versionPropsInLog;
    }
    this.#insertItem(id, lsn, flags);
    this.#changeLabels(id, lsn, before, after);
  }

  #applyNodeRemove(reader: EventReader): void {
    const { id, lsn, bytes, keyFrom, keyTo } = reader;
    const before = this.#labelsBefore(id, lsn);
    if (before === undefined) return;
    this.#beginItem().u8(0);
    this.#insertItem(id, lsn, versionRemoves);
    this.keys.insert(bytes, keyFrom, keyTo, lsn, id, keyRemoved);
    this.keyCache.forget(bytes, keyFrom, keyTo, hashOf(bytes, keyFrom, keyTo));
    this.liveIds.set(id, false);
    this.#changeLabels(id, lsn, before, noLabels);
    this.nodeCount--;
  }

  /** Begins an item with the key of the version found. */
  #beginItem(): ByteWriter {
    const item = this.#item;
    const key = this.nodes.openKey();
    item.reset();
    item.varint(key.end - key.position);
    item.raw(key.bytes.subarray(key.position, key.end));
    return item;
  }

  #insertItem(id: number, lsn: number, flags: number): void {
    this.nodes.insert(id, lsn, flags, this.#item.bytes, 0, this.#item.position);
  }

  /**
   * The labels of a node that must be live, just before an LSN; leaves the version that had them found. Undefined where
   * compaction may have taken the node.
   */
  #labelsBefore(id: number, lsn: number): number[] | undefined {
    if (!this.nodes.findLive(id, lsn - 1)) {
      if (lsn <= this.compactedTo) return undefined;
      throw new MalformedBytes(`no node ${id} before LSN ${lsn}`);
    }
    this.superseded.note(this.nodes.foundLsn);
    return readNameIds(this.nodes.open());
  }

  /** Whether compaction has taken the edge that an event changes. */
  #isLeftOver({ lsn, from, type, to, edgeId }: EventReader): boolean {
    return lsn <= this.compactedTo && !this.outgoing.has(from, type, to, edgeId, lsn);
  }

  #changeLabels(
    id: number,
    lsn: number,
    before: readonly number[],
    after: readonly number[],
  ): void {
    for (const label of before) {
      if (!after.includes(label)) this.labels.insert(label, id, lsn, true);
    }
    for (const label of after) {
      if (!before.includes(label)) this.labels.insert(label, id, lsn, false);
    }
  }

  #noteStarts(reader: EventReader): number {
    let count = 0;
    while (reader.skip()) {
      if (count === this.#starts.length) {
        const starts = new Uint32Array(count * 2);
        starts.set(this.#starts);
        this.#starts = starts;
        const lsns = new Float64Array(count * 2);
        lsns.set(this.#lsns);
        this.#lsns = lsns;
      }
      this.#starts[count] = reader.recordFrom;
      this.#lsns[count] = reader.lsn;
      count++;
    }
    return count;
  }

  #undo(reader: EventReader): void {
    const { lsn, type, edgeId } = reader;
    switch (reader.tag) {
      case RECORD.edgeAdd:
        this.#undoEdge(reader.from, type, reader.to, lsn);
        break;
      case RECORD.edgeRun:
        for (let i = reader.eventCount - 1; i >= 0; i--) {
          const source = reader.runFrom + i * 4;
          const target = source + reader.eventCount * 4;
          const from = u32At(reader.bytes, source);
          this.#undoEdge(from, type, u32At(reader.bytes, target), lsn + i);
        }
        break;
      case RECORD.nodePut:
      case RECORD.nodePatch:
      case RECORD.nodeRemove:
        this.#undoNode(reader);
        break;
      case RECORD.edgePatch:
        this.edges.remove(edgeId, lsn);
        if (this.edges.find(edgeId, lsn)) this.superseded.undo(this.edges.foundLsn);
        break;
      case RECORD.edgeRemove:
        this.outgoing.undoRemoval(reader.from, type, reader.to, edgeId, lsn);
        this.incoming.undoRemoval(reader.to, type, reader.from, edgeId, lsn);
        this.edges.remove(edgeId, lsn);
        this.superseded.undo(edgeId);
        this.edgeCount++;
        break;
      default:
        break;
    }
  }

  #undoEdge(from: number, type: number, to: number, edge: number): void {
    this.outgoing.undoInsert(from, type, to, edge);
    this.incoming.undoInsert(to, type, from, edge);
    this.edgeCount--;
  }

  #undoNode(reader: EventReader): void {
    const { id, lsn, tag, bytes, keyFrom, keyTo } = reader;
    const { nodes } = this;
    const creates = tag === RECORD.nodePut && (reader.flags & nodePutCreates) !== 0;
    const after = this.#labelsAt(id, lsn);
    const before = creates ? noLabels : this.#labelsAt(id, lsn - 1);
    if (!creates) this.superseded.undo(nodes.foundLsn);
    for (const label of before) if (!after.includes(label)) this.labels.remove(label, id, lsn);
    for (const label of after) if (!before.includes(label)) this.labels.remove(label, id, lsn);
    nodes.remove(id, lsn);
    if (creates) {
      this.keys.remove(bytes, keyFrom, keyTo, lsn);
      this.keyCache.forget(bytes, keyFrom, keyTo, hashOf(bytes, keyFrom, keyTo));
      this.liveIds.set(id, false);
      this.keyStrings.forget(id);
      this.nodeCount--;
    } else if (tag === RECORD.nodeRemove) {
      this.keys.remove(bytes, keyFrom, keyTo, lsn);
      this.liveIds.set(id, true);
      this.nodeCount++;
    }
  }

  #labelsAt(id: number, lsn: number): readonly number[] {
    return this.nodes.findLive(id, lsn) ? readNameIds(this.nodes.open()) : noLabels;
  }

  #checkFamily(family: number): void {
    if (family !== defaultFamily) {
      throw new VarveError(
        "FORMAT_UNSUPPORTED",
        `events of graph ${family}: only the default graph is known`,
        {
          details: { family },
        },
      );
    }
  }
}

/** Where the list of name numbers at `from` ends. */
function endOfList(body: ByteReader, from: number): number {
  body.position = from;
  while (body.varint() !== 0);
  return body.position;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
