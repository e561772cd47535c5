// Applies events to the trees of a graph, and takes them back: the one way in for live writes, for what a transaction sees of
// itself, and for replay.
import { ByteReader, ByteWriter, getU32, MalformedBytes } from "../codec/bytes.ts";
import { defaultFamily, nodePutCreates, RECORD, systemTagMin } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import { NAME_KIND } from "../log/name-table.ts";
import { readNameIds, skipProps } from "../log/props-codec.ts";
import { StoredKey } from "./family-key.ts";
import { GraphTrees } from "./graph-trees.ts";
import { hashOf } from "./key-bytes.ts";
import { keyRemoved } from "./key-layers.ts";
import { applyDrop, applyEntry, undoDrop, undoEntry } from "./map-entries.ts";
import { mergeLabels, mergeProps } from "./merge-props.ts";
import { versionDepthShift, versionPropsInLog, versionRemoves } from "./node-versions.ts";
import { RecordStarts } from "./record-starts.ts";

/** Larger node records stay in the log. */
export const inlineRecordBytesMax = 256;
/** Edges staged while a log is replayed: some 7 MB in each direction. */
const replayStagingCapacity: number = 2 ** 18;
const noLabels: readonly number[] = [];

/** All graphs and maps. Events are applied in the order of their LSNs and taken back in the opposite order. */
export class GraphIndex extends GraphTrees {
  readonly #reader = new EventReader();
  readonly #patch = new ByteReader();
  readonly #item = new ByteWriter(512);
  readonly #starts = new RecordStarts();
  readonly #key = new StoredKey();

  /**
   * Applies the records `bytes[from … to)`, whose first event has `firstLsn`. Throws `MalformedBytes` where they contradict
   * themselves or what is here.
   */
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number): void {
    const reader = this.#reader.open(bytes, from, to, firstLsn);
    while (reader.next()) {
      switch (reader.tag) {
        case RECORD.edgeAdd:
          this.outgoing.insert(reader.from, reader.type, reader.to, reader.lsn);
          this.incoming.insert(reader.to, reader.type, reader.from, reader.lsn);
          if (reader.family === defaultFamily) this.edgeCount++;
          else this.familyOf(reader, NAME_KIND.graph).edges++;
          break;
        case RECORD.edgeRun:
          this.#applyRun(reader);
          break;
        case RECORD.name:
        case RECORD.scopedName:
          this.#applyName(reader);
          break;
        case RECORD.nodeIds:
          if (reader.id > this.nextNodeId) this.nextNodeId = reader.id;
          break;
        default:
          this.unfolded.noteRecord(reader);
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
    const starts = this.#starts;
    starts.note(reader);
    for (let i = starts.count - 1; i >= 0; i--) {
      reader.open(bytes, starts.positions[i]!, to, starts.lsns[i]!);
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
        if ((reader.flags & nodePutCreates) !== 0) this.#applyCreate(reader);
        else this.#applyReplace(reader);
        break;
      case RECORD.nodePatch:
        this.#applyNodePatch(reader);
        break;
      case RECORD.nodeRemove:
        this.#applyNodeRemove(reader);
        break;
      case RECORD.edgePatch: {
        const { edgeId, lsn } = reader;
        if (this.#isLeftOver(reader)) break;
        const depth = this.depthBefore(edgeId, lsn);
        this.edges.insertPatch(edgeId, lsn, reader.hasImage ? 0 : depth + 1);
        break;
      }
      case RECORD.edgeRemove: {
        const { edgeId, type, lsn } = reader;
        if (this.#isLeftOver(reader)) break;
        this.outgoing.insertRemoval(reader.from, type, reader.to, edgeId, lsn);
        this.incoming.insertRemoval(reader.to, type, reader.from, edgeId, lsn);
        this.edges.insertRemoval(edgeId, lsn);
        this.superseded.note(edgeId);
        this.countEdges(reader, -1);
        break;
      }
      case RECORD.mapPut:
      case RECORD.mapDelete:
        applyEntry(this, this.familyOf(reader, NAME_KIND.map), reader, this.#storedKey(reader));
        break;
      case RECORD.graphDrop:
      case RECORD.mapDrop:
        applyDrop(this, reader);
        break;
      default:
        // A user event concerns the feeds only, and a gap nobody.
        break;
    }
  }

  #applyRun(reader: EventReader): void {
    const { type, lsn, eventCount, bytes } = reader;
    let source = reader.runFrom;
    let target = source + eventCount * 4;
    for (let i = 0; i < eventCount; i++, source += 4, target += 4) {
      const from = getU32(bytes, source);
      const to = getU32(bytes, target);
      this.outgoing.insert(from, type, to, lsn + i);
      this.incoming.insert(to, type, from, lsn + i);
    }
    this.countEdges(reader, eventCount);
  }

  #applyName(reader: EventReader): void {
    const { nameId, flags, family, lsn } = reader;
    const name = reader.body.text();
    const isSame =
      reader.tag === RECORD.name
        ? this.names.define(nameId, name)
        : this.names.defineScoped(nameId, flags, family, name);
    if (!isSame)
      throw new MalformedBytes(`name ${nameId} is defined differently before LSN ${lsn}`);
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
    const isSmall = recordTo - reader.labelsFrom <= inlineRecordBytesMax;
    const to = isSmall ? recordTo : endOfList(reader.body, reader.labelsFrom);
    const flags = isSmall ? 0 : versionPropsInLog;
    const key = this.#storedKey(reader);
    if (reader.family === defaultFamily) {
      // The key's length stands right before it, so that the item is one piece of the record.
      const from = keyFrom - (keyTo - keyFrom < 0x80 ? 1 : 2);
      nodes.insert(id, lsn, flags, bytes, from, to);
      this.nodeCount++;
    } else {
      const item = this.#beginItem(key.bytes, key.from, key.to);
      item.raw(bytes.subarray(reader.labelsFrom, to));
      this.#insertItem(id, lsn, flags);
      this.familyOf(reader, NAME_KIND.graph).nodes++;
    }
    this.keys.insert(key.bytes, key.from, key.to, lsn, id, 0);
    this.keyCache.put(key.bytes, key.from, key.to, hashOf(key.bytes, key.from, key.to), id);
    this.liveIds.create(id);
    reader.body.position = reader.labelsFrom;
    this.#changeLabels(id, lsn, noLabels, readNameIds(reader.body));
    if (id >= this.nextNodeId) this.nextNodeId = id + 1;
  }

  #applyReplace(reader: EventReader): void {
    const { id, lsn, bytes, labelsFrom, recordTo } = reader;
    const before = this.#labelsBefore(id, lsn);
    if (before === undefined) return;
    const isSmall = recordTo - labelsFrom <= inlineRecordBytesMax;
    const to = isSmall ? recordTo : endOfList(reader.body, labelsFrom);
    const item = this.#beginItemOfFound();
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
    // Order: an image says more than what is here where compaction has left that bare.
    if (reader.hasImage) skipProps(body);
    const after = reader.hasImage ? readNameIds(body) : mergeLabels(before, added, removed);
    const depth = reader.hasImage ? 0 : (foundFlags >>> versionDepthShift) + 1;
    const item = this.#beginItemOfFound();
    const labelsFrom = item.position;
    for (const label of after) item.varint(label);
    item.u8(0);
    let flags = depth << versionDepthShift;
    const labelsEnd = item.position;
    if (reader.hasImage) {
      item.raw(reader.bytes.subarray(body.position, reader.recordTo));
    } else if ((foundFlags & versionPropsInLog) === 0) {
      const base = nodes.open();
      while (base.varint() !== 0);
      mergeProps(base, this.#patch.open(reader.bytes, reader.propsFrom, reader.recordTo), item);
    }
    if (item.position - labelsFrom > inlineRecordBytesMax || item.position === labelsEnd) {
      item.position = labelsEnd;
      flags |= versionPropsInLog;
    }
    this.#insertItem(id, lsn, flags);
    this.#changeLabels(id, lsn, before, after);
  }

  #applyNodeRemove(reader: EventReader): void {
    const { id, lsn } = reader;
    const before = this.#labelsBefore(id, lsn);
    if (before === undefined) return;
    this.#beginItemOfFound().u8(0);
    this.#insertItem(id, lsn, versionRemoves);
    const { bytes, from, to } = this.#storedKey(reader);
    this.keys.insert(bytes, from, to, lsn, id, keyRemoved);
    this.keyCache.forget(bytes, from, to, hashOf(bytes, from, to));
    this.liveIds.set(id, false);
    this.#changeLabels(id, lsn, before, noLabels);
    this.countNodes(reader, -1);
  }

  /** Begins an item with the key of the version found. */
  #beginItemOfFound(): ByteWriter {
    const key = this.nodes.openStoredKey();
    return this.#beginItem(key.bytes, key.position, key.end);
  }

  #beginItem(bytes: Uint8Array, from: number, to: number): ByteWriter {
    const item = this.#item;
    item.reset();
    item.varint(to - from);
    item.raw(bytes.subarray(from, to));
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

  #undo(reader: EventReader): void {
    const { lsn, type, edgeId } = reader;
    switch (reader.tag) {
      case RECORD.edgeAdd:
        this.#undoEdge(reader.from, type, reader.to, lsn);
        this.countEdges(reader, -1);
        break;
      case RECORD.edgeRun:
        for (let i = reader.eventCount - 1; i >= 0; i--) {
          const source = reader.runFrom + i * 4;
          const target = source + reader.eventCount * 4;
          const from = getU32(reader.bytes, source);
          this.#undoEdge(from, type, getU32(reader.bytes, target), lsn + i);
        }
        this.countEdges(reader, -reader.eventCount);
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
        this.countEdges(reader, 1);
        break;
      case RECORD.mapPut:
      case RECORD.mapDelete:
        undoEntry(this, this.familyOf(reader, NAME_KIND.map), reader, this.#storedKey(reader));
        break;
      case RECORD.graphDrop:
      case RECORD.mapDrop:
        undoDrop(this, reader);
        break;
      default:
        break;
    }
    if (reader.tag < systemTagMin && reader.tag !== RECORD.gap && reader.family !== defaultFamily) {
      this.families.undo(reader.family, lsn);
    }
  }

  #undoEdge(from: number, type: number, to: number, edge: number): void {
    this.outgoing.undoInsert(from, type, to, edge);
    this.incoming.undoInsert(to, type, from, edge);
  }

  #undoNode(reader: EventReader): void {
    const { id, lsn, tag } = reader;
    const { nodes } = this;
    const creates = tag === RECORD.nodePut && (reader.flags & nodePutCreates) !== 0;
    const after = this.#labelsAt(id, lsn);
    const before = creates ? noLabels : this.#labelsAt(id, lsn - 1);
    if (!creates) this.superseded.undo(nodes.foundLsn);
    for (const label of before) if (!after.includes(label)) this.labels.remove(label, id, lsn);
    for (const label of after) if (!before.includes(label)) this.labels.remove(label, id, lsn);
    nodes.remove(id, lsn);
    const { bytes, from, to } = this.#storedKey(reader);
    if (creates) {
      this.keys.remove(bytes, from, to, lsn);
      this.keyCache.forget(bytes, from, to, hashOf(bytes, from, to));
      this.liveIds.set(id, false);
      this.keyStrings.forget(id);
      this.countNodes(reader, -1);
    } else if (tag === RECORD.nodeRemove) {
      this.keys.remove(bytes, from, to, lsn);
      this.liveIds.set(id, true);
      this.countNodes(reader, 1);
    }
  }

  #labelsAt(id: number, lsn: number): readonly number[] {
    return this.nodes.findLive(id, lsn) ? readNameIds(this.nodes.open()) : noLabels;
  }

  /** The key of the present record as the keys' tree has it. */
  #storedKey({ family, bytes, keyFrom, keyTo }: EventReader): StoredKey {
    return this.#key.set(family, bytes, keyFrom, keyTo);
  }
}

/** Where the list of name numbers at `from` ends. */
function endOfList(body: ByteReader, from: number): number {
  body.position = from;
  while (body.varint() !== 0);
  return body.position;
}
