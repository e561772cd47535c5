// Decides whether a transaction makes sense behind what was kept before it: everything it names, changes or joins is there.
import { type ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { decodeWtf8 } from "../codec/text.ts";
import { readValue, skipValue } from "../codec/values.ts";
import { EdgeColumns } from "../index/edge-columns.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { defaultFamily, nodePutCreates, RECORD, systemTagMin } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import { NAME_KIND, type NameKind, NameTable, type ScopedName } from "../log/name-table.ts";
import type { CompactedThings } from "./compacted-things.ts";
import type { FoundTransaction, TransactionPiece } from "./salvage-frames.ts";

/** A name; what it is where it is no plain one. */
export interface SalvagedName {
  readonly name: string;
  /** As in a definition; 0 for a plain name. */
  readonly kind: NameKind | 0;
  readonly scope: number;
}

/** Whether the graph is known that a label is in. */
export function isScoped(
  { kind, scope }: SalvagedName,
  names: ReadonlyMap<number, SalvagedName>,
): boolean {
  return kind !== NAME_KIND.label || names.get(scope)?.kind === NAME_KIND.graph;
}

/** Knows what numbers are of which not all before them are known. */
class SalvagedNames extends NameTable {
  readonly #known: ReadonlyMap<number, SalvagedName>;

  constructor(known: ReadonlyMap<number, SalvagedName>) {
    super();
    this.#known = known;
  }

  override scopedOf(number: number): ScopedName | undefined {
    const known = this.#known.get(number);
    if (known === undefined || known.kind === 0) return undefined;
    return { number, kind: known.kind, scope: known.scope };
  }
}

/** The graph that the transactions kept so far make. Cost: the memory of a set of indexes. */
export class SalvagedGraph {
  /** Every name that is known, by number, in whichever way. */
  readonly names: Map<number, SalvagedName> = new Map();
  /** Names of the system state that is set. */
  readonly states: Set<string> = new Set();
  /** Highest number that the last transaction asked about defines or uses. */
  nameMax = 0;
  readonly #index = new GraphIndex(new SalvagedNames(this.names));
  readonly #compactedTo: number;
  readonly #things: CompactedThings;
  readonly #reader = new EventReader();
  readonly #columns = new EdgeColumns(16);

  /**
   * @param compactedTo up to this LSN events may come before what they build on, or be left over of what is gone.
   * @param things what earlier readings found in that region.
   */
  constructor(compactedTo: number, things: CompactedThings) {
    this.#compactedTo = compactedTo;
    this.#things = things;
    this.#index.compactedTo = compactedTo;
  }

  /** Applies a transaction if it makes sense, else leaves everything as it was; its names are noted either way. */
  take(bytes: Uint8Array, transaction: FoundTransaction): boolean {
    this.nameMax = 0;
    const { pieces } = transaction;
    const isCompacted = transaction.firstLsn <= this.#compactedTo;
    if (isCompacted && this.#things.rejected.has(transaction.firstLsn)) {
      for (const { from, to } of pieces) this.noteNames(bytes, from, to);
      return false;
    }
    const isTaken = this.#takePieces(bytes, pieces);
    if (!isTaken && isCompacted) this.#things.rejected.add(transaction.firstLsn);
    if (isTaken) for (const piece of pieces) this.#noteKept(bytes, piece, isCompacted);
    return isTaken;
  }

  #takePieces(bytes: Uint8Array, pieces: readonly TransactionPiece[]): boolean {
    for (const [ordinal, piece] of pieces.entries()) {
      const { from, to, firstLsn } = piece;
      const failedAt = this.#takePiece(bytes, from, to, firstLsn);
      if (failedAt === undefined) continue;
      if (failedAt > from) this.#index.unapply(bytes, from, failedAt, firstLsn);
      for (const earlier of pieces.slice(0, ordinal).reverse()) {
        this.#index.unapply(bytes, earlier.from, earlier.to, earlier.firstLsn);
      }
      for (const later of pieces.slice(ordinal)) this.noteNames(bytes, later.from, later.to);
      return false;
    }
    return true;
  }

  #noteKept(bytes: Uint8Array, piece: TransactionPiece, isCompacted: boolean): void {
    const reader = this.#reader.open(bytes, piece.from, piece.to, piece.firstLsn);
    while (reader.skip()) {
      if (reader.tag === RECORD.state) this.#noteState(reader);
      else if (isCompacted && reader.tag < systemTagMin) {
        reader.decodeSkipped();
        this.#things.note(reader);
      }
    }
  }

  #noteState({ body }: EventReader): void {
    const name = body.text();
    if (readValue(body) === null) this.states.delete(name);
    else this.states.add(name);
  }

  /** Notes what records define, whether they are kept or not. */
  noteNames(bytes: Uint8Array, from: number, to: number): void {
    const reader = this.#reader.open(bytes, from, to, 1);
    while (reader.skip()) {
      if (!isDefinition(reader)) continue;
      reader.decodeSkipped();
      this.#define(reader);
    }
  }

  /** Where the first record that makes no sense begins, if there is one; those before it are applied. */
  #takePiece(bytes: Uint8Array, from: number, to: number, firstLsn: number): number | undefined {
    const reader = this.#reader.open(bytes, from, to, firstLsn);
    try {
      while (reader.next()) {
        const { recordFrom, position, lsn } = reader;
        if (!this.#makesSense(reader)) return recordFrom;
        // Names are checked here, by number: the index would want all of them, in order.
        if (!isDefinition(reader)) this.#index.apply(bytes, recordFrom, position, lsn);
      }
      return undefined;
    } catch (error) {
      if (error instanceof MalformedBytes) return reader.recordFrom;
      throw error;
    }
  }

  #makesSense(reader: EventReader): boolean {
    const { body, lsn } = reader;
    if (isDefinition(reader)) return this.#define(reader);
    const isCompacted = lsn <= this.#compactedTo;
    if (!this.#familyMakesSense(reader, isCompacted)) return false;
    switch (reader.tag) {
      case RECORD.mapDelete:
        return isCompacted || this.#hasEntry(reader);
      case RECORD.nodePut:
        body.position = reader.labelsFrom;
        return this.#putMakesSense(reader) && this.#areNamed(body) && this.#propsAreNamed(body);
      case RECORD.nodePatch:
        return this.#nodePatchMakesSense(reader);
      case RECORD.nodeRemove:
        body.position = reader.labelsFrom;
        if (!this.#areNamed(body)) return false;
        if (isCompacted && !this.#isLive(reader.id, lsn)) return true;
        return this.#isLive(reader.id, lsn) && this.#hasNoEdges(reader.id);
      case RECORD.edgeAdd:
        body.position = reader.propsFrom;
        return (
          this.#edgeMakesSense(lsn, reader.from, reader.to) &&
          this.#isNamed(reader.type) &&
          this.#propsAreNamed(body)
        );
      case RECORD.edgeRun:
        return this.#isNamed(reader.type) && this.#runMakesSense(reader);
      case RECORD.edgePatch:
        return this.#edgePatchMakesSense(reader);
      case RECORD.edgeRemove:
        return this.#isNamed(reader.type) && (isCompacted || this.#hasEdge(reader));
      case RECORD.userEvent:
        return this.#isNamed(reader.nameId);
      default:
        return true;
    }
  }

  #define(reader: EventReader): boolean {
    const { nameId, flags, family } = reader;
    const name = reader.body.text();
    this.nameMax = Math.max(this.nameMax, nameId);
    const isPlain = reader.tag === RECORD.name;
    const kind: SalvagedName["kind"] = isPlain ? 0 : (flags as NameKind);
    const scope = isPlain ? 0 : family;
    const known = this.names.get(nameId);
    if (known !== undefined) {
      return known.name === name && known.kind === kind && known.scope === scope;
    }
    const defined: SalvagedName = { name, kind, scope };
    this.names.set(nameId, defined);
    return isScoped(defined, this.names);
  }

  /** Whether the graph or map that an event is of is known, and was not dropped. */
  #familyMakesSense({ tag, family }: EventReader, isCompacted: boolean): boolean {
    if (tag >= systemTagMin || tag === RECORD.gap || family === defaultFamily) return true;
    if (!this.#isNamed(family)) return false;
    const isOfMap = tag === RECORD.mapPut || tag === RECORD.mapDelete || tag === RECORD.mapDrop;
    if (this.names.get(family)?.kind !== (isOfMap ? NAME_KIND.map : NAME_KIND.graph)) return false;
    if (isCompacted) return true;
    const droppedLsn = this.#index.families.get(family)?.droppedLsn;
    return droppedLsn === undefined || droppedLsn === Number.POSITIVE_INFINITY;
  }

  #hasEntry({ family, bytes, keyFrom, keyTo, lsn }: EventReader): boolean {
    return this.#index.entryLsn(family, decodeWtf8(bytes, keyFrom, keyTo), lsn) !== 0;
  }

  #putMakesSense(reader: EventReader): boolean {
    const { id, lsn, family, flags, bytes, keyFrom, keyTo } = reader;
    if ((flags & nodePutCreates) === 0) return this.#isLive(id, lsn) || this.#isLeftOver(id, lsn);
    if (this.#index.isLive(id, lsn)) return false;
    // Its removal may be lost: then the node that has the key is there still.
    return this.#index.nodeIdOf(decodeWtf8(bytes, keyFrom, keyTo), lsn, family) === 0;
  }

  #nodePatchMakesSense(reader: EventReader): boolean {
    const { id, lsn, body, previousLsn } = reader;
    const isNext = this.#isLive(id, lsn)
      ? reader.hasImage || this.#index.nodes.foundLsn === previousLsn || this.#isLeftOver(id, lsn)
      : this.#isLeftOver(id, lsn);
    body.position = reader.labelsFrom;
    if (!isNext || !this.#areNamed(body) || !this.#areNamed(body)) return false;
    if (!this.#propsAreNamed(body)) return false;
    return !reader.hasImage || (this.#areNamed(body) && this.#propsAreNamed(body));
  }

  /** Whether what an event builds on may be gone, because a later one in the compacted region says everything by itself. */
  #isLeftOver(id: number, lsn: number): boolean {
    return lsn <= this.#compactedTo && this.#things.needsNothingEarlier(id);
  }

  #edgePatchMakesSense(reader: EventReader): boolean {
    const { edgeId, lsn, body, previousLsn } = reader;
    const isLeftOver = lsn <= this.#compactedTo && this.#things.edgeNeedsNothingEarlier(edgeId);
    if (!this.#isNamed(reader.type)) return false;
    if (!this.#hasEdge(reader))
      return lsn <= this.#compactedTo && this.#things.isRemovedEdge(edgeId);
    const { edges } = this.#index;
    const versionLsn = edges.find(edgeId, lsn - 1) ? edges.foundLsn : edgeId;
    if (!reader.hasImage && versionLsn !== previousLsn && !isLeftOver) return false;
    body.position = reader.propsFrom;
    return this.#propsAreNamed(body) && (!reader.hasImage || this.#propsAreNamed(body));
  }

  #runMakesSense({ bytes, runFrom, eventCount, lsn }: EventReader): boolean {
    const ends = new DataView(bytes.buffer, bytes.byteOffset + runFrom, eventCount * 8);
    for (let i = 0; i < eventCount; i++) {
      const [from, to] = [ends.getUint32(i * 4, true), ends.getUint32((eventCount + i) * 4, true)];
      if (!this.#edgeMakesSense(lsn + i, from, to)) return false;
    }
    return true;
  }

  #edgeMakesSense(edgeId: number, from: number, to: number): boolean {
    if (edgeId <= this.#compactedTo) return this.#things.edgeMakesSense(edgeId, from, to);
    return this.#isLive(from, edgeId) && this.#isLive(to, edgeId);
  }

  #isLive(id: number, lsn: number): boolean {
    return this.#index.isLive(id, lsn);
  }

  #hasEdge({ from, type, to, edgeId, lsn }: EventReader): boolean {
    const columns = this.#columns;
    columns.count = 0;
    this.#index.outgoing.gather(from, type, to, lsn - 1, true, columns);
    return columns.edges.subarray(0, columns.count).includes(edgeId);
  }

  #hasNoEdges(id: number): boolean {
    const { outgoing, incoming, lastLsn } = this.#index;
    return outgoing.degree(id, 0, lastLsn, true) + incoming.degree(id, 0, lastLsn, true) === 0;
  }

  #isNamed(number: number): boolean {
    this.nameMax = Math.max(this.nameMax, number);
    return this.names.has(number);
  }

  /** Reads a list of names. */
  #areNamed(body: ByteReader): boolean {
    let all = true;
    for (let number = body.varint(); number !== 0; number = body.varint()) {
      all = this.#isNamed(number) && all;
    }
    return all;
  }

  #propsAreNamed(body: ByteReader): boolean {
    let all = true;
    for (let number = body.varint(); number !== 0; number = body.varint()) {
      all = this.#isNamed(number) && all;
      skipValue(body);
    }
    return all;
  }
}

function isDefinition({ tag }: EventReader): boolean {
  return tag === RECORD.name || tag === RECORD.scopedName;
}
