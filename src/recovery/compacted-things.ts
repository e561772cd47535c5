// What the kept part of a compacted region makes and takes away, whatever the order: compaction moves a node's creation behind its edges.
import { nodePutCreates, RECORD } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";

/**
 * Found by reading the region as often as it takes: what was not kept once is never kept again, and a reading that keeps all that
 * the one before it kept is the last.
 */
export class CompactedThings {
  /** First LSNs of the transactions that make no sense. */
  readonly rejected: Set<number> = new Set();
  #known: Things | undefined;
  #met = new Things();
  #rejectedBefore = -1;

  /** Ends a reading; true where it was the last. */
  endReading(): boolean {
    const isLast = this.#rejectedBefore === this.rejected.size && this.#known !== undefined;
    this.#rejectedBefore = this.rejected.size;
    this.#known = this.#met;
    this.#met = new Things();
    return isLast;
  }

  /** Notes a record of a transaction that is kept. */
  note(reader: EventReader): void {
    this.#met.note(reader);
  }

  /** Whether an edge that is added may stay: both its nodes are there in the end, or it is not. */
  edgeMakesSense(edgeId: number, from: number, to: number): boolean {
    const known = this.#known;
    if (known === undefined || known.removedEdges.has(edgeId)) return true;
    return known.isThere(from) && known.isThere(to);
  }

  /** Whether some event of a node says everything, or that it is gone: those before it may go, and what built on them stay. */
  needsNothingEarlier(id: number): boolean {
    const known = this.#known;
    return known === undefined || known.wholeNodes.has(id) || known.removedNodes.has(id);
  }

  edgeNeedsNothingEarlier(edgeId: number): boolean {
    const known = this.#known;
    return known === undefined || known.wholeEdges.has(edgeId) || known.removedEdges.has(edgeId);
  }

  isRemovedEdge(edgeId: number): boolean {
    return this.#known === undefined || this.#known.removedEdges.has(edgeId);
  }
}

class Things {
  readonly createdNodes = new NumberSet();
  readonly wholeNodes = new NumberSet();
  readonly removedNodes = new NumberSet();
  readonly wholeEdges = new NumberSet();
  readonly removedEdges = new NumberSet();

  note(reader: EventReader): void {
    switch (reader.tag) {
      case RECORD.nodePut:
        if ((reader.flags & nodePutCreates) !== 0) this.createdNodes.add(reader.id);
        this.wholeNodes.add(reader.id);
        break;
      case RECORD.nodePatch:
        if (reader.hasImage) this.wholeNodes.add(reader.id);
        break;
      case RECORD.nodeRemove:
        this.removedNodes.add(reader.id);
        break;
      case RECORD.edgePatch:
        if (reader.hasImage) this.wholeEdges.add(reader.edgeId);
        break;
      case RECORD.edgeRemove:
        this.removedEdges.add(reader.edgeId);
    }
  }

  isThere(id: number): boolean {
    return this.createdNodes.has(id) && !this.removedNodes.has(id);
  }
}

const pageNumbers = 2 ** 15;

/** Numbers of any size below 2^53, a bit each in pages: a JS set ends at 2^24 of them. */
class NumberSet {
  readonly #pages = new Map<number, Uint8Array>();

  add(number: number): void {
    const ordinal = Math.floor(number / pageNumbers);
    let page = this.#pages.get(ordinal);
    if (page === undefined) {
      page = new Uint8Array(pageNumbers / 8);
      this.#pages.set(ordinal, page);
    }
    const bit = number % pageNumbers;
    page[bit >>> 3]! |= 1 << (bit & 7);
  }

  has(number: number): boolean {
    const page = this.#pages.get(Math.floor(number / pageNumbers));
    const bit = number % pageNumbers;
    return page !== undefined && (page[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  }
}
