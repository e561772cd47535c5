// The two ways through the past: one thing's versions, looked up in the trees, and everything between two LSNs, out of the log.

import { nodesOfKey, versionsOfEdge, versionsOfNode } from "../index/version-list.ts";
import { RECORD } from "../log/event-format.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { Change } from "./change.ts";
import { ChangeDecoder, type OpenChange } from "./change-decoder.ts";
import type { PastRange, PastSource } from "./past-source.ts";
import { TransactionTail } from "./transaction-tail.ts";

/** Delivers the changes of a part of the history, some at a time and in order. */
export interface PastReader {
  /** Adds the next changes. "again": nothing yet, ask in a later turn; "end": there are no more. */
  read(into: Change[]): "some" | "again" | "end";
}

/** Every change in a range of LSNs. */
export class DiffReader implements PastReader {
  readonly #source: PastSource;
  readonly #decoder: ChangeDecoder;
  readonly #tail: TransactionTail;
  readonly #toLsn: number;
  #nextLsn: number;

  constructor(source: PastSource, { fromLsn, toLsn }: PastRange) {
    this.#source = source;
    this.#decoder = new ChangeDecoder(source, undefined, false);
    this.#tail = new TransactionTail(source.log);
    this.#nextLsn = fromLsn;
    this.#toLsn = toLsn;
  }

  read(into: Change[]): "some" | "again" | "end" {
    const { log } = this.#source;
    const frame = this.#nextLsn > this.#toLsn ? undefined : log.frameAtOrAfter(this.#nextLsn);
    if (frame === undefined || frame.firstLsn > this.#toLsn) return "end";
    const txLastLsn = this.#tail.lastLsnOf(frame);
    if (txLastLsn === undefined) return "again";
    const changes: OpenChange[] = [];
    const open = this.#decoder.decode(frame, this.#nextLsn, changes, 0, txLastLsn);
    for (let i = open; i < changes.length; i++) changes[i]!.txLastLsn = txLastLsn;
    for (const change of changes) if (change.lsn <= this.#toLsn) into.push(change);
    this.#nextLsn = frame.firstLsn + frame.eventCount;
    return "some";
  }
}

/** What a history is of: the nodes that have had a key, or an edge. */
export type PastSubject = { readonly key: string } | { readonly edge: number };

/** The changes of one thing. */
export class HistoryReader implements PastReader {
  readonly #source: PastSource;
  readonly #subject: PastSubject;
  readonly #decoder: ChangeDecoder;
  readonly #tail: TransactionTail;
  readonly #toLsn: number;
  /** The LSN of the next version is this one, or a later one. */
  #nextLsn: number;
  #lsns: readonly number[] = [];
  #read = 0;
  /** The nodes that have had the key, once they were looked up, those first that were passed. */
  #nodes: readonly number[] | undefined;
  #node = 0;
  #frame: LoadedFrame | undefined;

  constructor(source: PastSource, { fromLsn, toLsn }: PastRange, subject: PastSubject) {
    this.#source = source;
    this.#subject = subject;
    this.#decoder = new ChangeDecoder(source, undefined, false);
    this.#tail = new TransactionTail(source.log);
    this.#nextLsn = fromLsn;
    this.#toLsn = toLsn;
  }

  read(into: Change[]): "some" | "again" | "end" {
    if (this.#read === this.#lsns.length) {
      this.#lsns = this.#nextVersions();
      this.#read = 0;
    }
    const lsn = this.#lsns[this.#read];
    if (lsn === undefined || lsn > this.#toLsn) return "end";
    const frame = this.#frameOf(lsn);
    const txLastLsn = frame === undefined ? lsn : this.#tail.lastLsnOf(frame);
    if (txLastLsn === undefined) return "again";
    const change = frame === undefined ? undefined : this.#decoder.decodeOne(frame, lsn, txLastLsn);
    if (change !== undefined) into.push(change);
    this.#read++;
    this.#nextLsn = lsn + 1;
    return "some";
  }

  #nextVersions(): readonly number[] {
    if ("edge" in this.#subject) return this.#versionsOf(this.#subject.edge);
    const { index } = this.#source;
    this.#nodes ??= nodesOfKey(index, this.#subject.key, this.#nextLsn);
    for (; this.#node < this.#nodes.length; this.#node++) {
      const lsns = versionsOfNode(index, this.#nodes[this.#node]!, this.#nextLsn);
      if (lsns.length > 0) return lsns;
    }
    return [];
  }

  #versionsOf(edge: number): readonly number[] {
    const { index, log } = this.#source;
    if (!Number.isSafeInteger(edge) || edge < 1) return [];
    if (this.#nextLsn > edge) return versionsOfEdge(index, edge, this.#nextLsn);
    const tag = log.events.find(edge)?.tag;
    return tag === RECORD.edgeAdd || tag === RECORD.edgeRun ? [edge] : [];
  }

  #frameOf(lsn: number): LoadedFrame | undefined {
    const known = this.#frame;
    const isKnown =
      known !== undefined && known.firstLsn <= lsn && lsn < known.firstLsn + known.eventCount;
    if (!isKnown) this.#frame = this.#source.log.frameAtOrAfter(lsn);
    return this.#frame;
  }
}
