// What subscribers of a database have been given, as far as it lies outside of the machine, where no crash reaches it.
import {
  type FeedBatch,
  type FeedEvent,
  FeedWitness,
  PositionWitness,
  Violation,
} from "../../src/testing/testing.ts";
import type { Change, ChangeBatch, Database, ProjectionDefinition } from "../../src/varve.ts";
import { filler } from "./crash-script.ts";

export class FeedWorld {
  /** One that always asks, one that lags, one that starts over and over. */
  feeds: readonly FeedWitness[] = [new FeedWitness(), new FeedWitness(), new FeedWitness()];
  /** The consumer that acks what it has seen. */
  plain: PositionWitness = new PositionWitness();
  /** Whether its consumers are known to be there. */
  hasConsumers = false;
  /** Of the projection's state; undefined where there was never one. */
  padBytes: number | undefined;
  /** Number of the process: those that are dead deliver no more. */
  life = 0;

  get text(): string {
    const feeds = this.feeds.map(({ text }) => text);
    return [...feeds, this.plain.text, this.hasConsumers, this.padBytes].join();
  }

  copy(): FeedWorld {
    const copy = new FeedWorld();
    copy.feeds = this.feeds.map((feed) => feed.copy());
    copy.plain = this.plain.copy();
    copy.hasConsumers = this.hasConsumers;
    copy.padBytes = this.padBytes;
    copy.life = this.life;
    return copy;
  }
}

/** What the kit asks of a batch, and what this engine says of its own batches besides. */
export function batchOf(batch: ChangeBatch, db: Database): FeedBatch {
  const { firstLsn, lastLsn, nextLsn, changes, mark } = batch;
  const where = `batch ${firstLsn} to ${lastLsn}`;
  if (nextLsn !== lastLsn + 1) throw new Violation("S3 no gap", `${where} goes on at ${nextLsn}`);
  if (mark !== undefined && changes.length > 0) {
    throw new Violation("S7 mark", `${where} has changes and the mark ${mark}`);
  }
  const events = changes.map(eventOf);
  return { first: firstLsn, last: lastLsn, durable: db.durableLsn, events };
}

function eventOf(change: Change): FeedEvent {
  return { sequence: change.lsn, lastSequence: change.txLastLsn, content: contentOf(change) };
}

/** Events of the life's own begin with `event `, effects with `node.put `. */
function contentOf(change: Change): string {
  if (change.kind === "event") return `event ${change.value as string}`;
  return `${change.kind} ${"key" in change ? change.key : ""}`;
}

/** The number of an event of the life's own; undefined of others. */
export function numberOf({ content }: FeedEvent): number | undefined {
  const text = content as string;
  return text.startsWith("event ") ? Number.parseInt(text.slice("event ".length), 10) : undefined;
}

export async function* batchesOf(db: Database, from = 1): AsyncGenerator<FeedBatch> {
  for await (const batch of db.changes({ from, live: false })) yield batchOf(batch, db);
}

export interface Sum {
  count: number;
  last: number;
  pad: string;
}

/** Counts the life's own events, by remainder in `out`; its state fills several frames where `padBytes` says so. */
export function sums(padBytes: number): ProjectionDefinition<Sum, number> {
  return {
    version: 1,
    init: () => ({ count: 0, last: -1, pad: filler(padBytes) }),
    apply(state, change, out) {
      if (change.kind !== "event") return undefined;
      const n = Number.parseInt(change.value as string, 10);
      state.count++;
      state.last = n;
      const key = `r${n % 7}`;
      if (n % 11 === 10) out.delete(key);
      else out.put(key, (out.get(key) ?? 0) + 1);
      return undefined;
    },
  };
}
