// Who reads each consumer now, how far that reader has got, and which acks count.
import type { ChangeBatch } from "../changes/change.ts";
import { transactionEndAt } from "../changes/transaction-end.ts";
import { VarveError } from "../codec/errors.ts";
import { describe } from "../graph/arguments.ts";
import type { Log } from "../log/log.ts";
import { groupEnd, type SystemState } from "./system-values.ts";

/** Where a consumer stands, as it is stored. */
export interface ConsumerPosition {
  /** The LSN to go on with: that behind the last ack. */
  readonly next: number;
  /** Whether it begins with a snapshot that has not been acked yet. */
  readonly snapshot: boolean;
}

export const consumerGroup = "consumer";

/** The name of the system state that holds a consumer's position. */
export function consumerStateName(name: string): string {
  return consumerGroup + groupEnd + name;
}

export function positionFrom(value: unknown): ConsumerPosition | undefined {
  return value as ConsumerPosition | undefined;
}

/** An ack on its way: it waits for the end of the turn, then for its commit. */
export interface PendingAck {
  /** Up to here acks were as durable as commits when it was asked for. */
  readonly from: number;
  end: number;
  readonly done: Promise<void>;
  isOver: boolean;
}

/** One reader's hold on a consumer, from the first batch it asks for. */
export class Lease {
  readonly name: string;
  readonly holder: string;
  /** The last position passed by what was delivered. */
  delivered: number;
  /** The LSN of the snapshot that it began with. */
  snapshotLsn: number | undefined;
  inSnapshot: boolean;
  isHeld = true;
  /** Why it must not ack or read on any more. */
  fencedBy: VarveError | undefined;
  /** Called once when it is fenced off. */
  onFence: () => void = () => {};
  /** That which later acks of the turn join. */
  queuedAck: PendingAck | undefined;
  /** The last one, of this reader or the one before. */
  lastAck: PendingAck | undefined;

  constructor(name: string, holder: string, position: ConsumerPosition) {
    this.name = name;
    this.holder = holder;
    this.delivered = position.next - 1;
    this.inSnapshot = position.snapshot;
  }

  note(batch: ChangeBatch): void {
    this.inSnapshot = batch.phase === "snapshot";
    this.delivered = batch.lastLsn;
  }

  fence(error: VarveError): void {
    if (this.fencedBy !== undefined) return;
    this.fencedBy = error;
    this.isHeld = false;
    this.onFence();
  }
}

export class ConsumerLeases {
  readonly #log: Log;
  readonly #state: SystemState;
  /** The last lease of each consumer; it may ack what it read until the next one is taken. */
  readonly #byName: Map<string, Lease> = new Map();
  readonly #byHandle: WeakMap<object, Lease> = new WeakMap();
  #holders = 0;

  constructor(log: Log, state: SystemState) {
    this.#log = log;
    this.#state = state;
  }

  nextHolder(): string {
    return `reader ${++this.#holders}`;
  }

  /** The accepted position, or undefined where there is no such consumer. */
  position(name: string): ConsumerPosition | undefined {
    return positionFrom(this.#state.get(consumerStateName(name)));
  }

  last(name: string): Lease | undefined {
    return this.#byName.get(name);
  }

  leaseOf(handle: object): Lease | undefined {
    return this.#byHandle.get(handle);
  }

  /** Throws CONSUMER_BUSY where someone else reads it, NOT_FOUND where it does not exist. */
  take(name: string, holder: string, handle: object): Lease {
    const position = this.position(name);
    if (position === undefined) throw noConsumer("consumer", name);
    const before = this.#byName.get(name);
    if (before?.isHeld === true) throw busy(name, before.holder);
    before?.fence(busy(name, holder));
    const lease = new Lease(name, holder, position);
    lease.lastAck = before?.lastAck;
    this.#byName.set(name, lease);
    this.#byHandle.set(handle, lease);
    return lease;
  }

  /** Takes the lease away from whoever has or had it. */
  fence(name: string, error: VarveError): void {
    this.#byName.get(name)?.fence(error);
    this.#byName.delete(name);
  }

  /**
   * What an ack of `lsn` by a reader makes of a position: the LSN up to which all is dealt with, or undefined
   * where it changes nothing.
   */
  ackedEnd(
    method: string,
    name: string,
    lease: Lease | undefined,
    position: ConsumerPosition | undefined,
    lsn: number,
  ): number | undefined {
    checkLsn(method, lsn);
    if (lease?.fencedBy !== undefined) throw lease.fencedBy;
    if (position === undefined) throw noConsumer(method, name);
    const floor = position.snapshot ? (lease?.snapshotLsn ?? 0) - 1 : ackedLsn(position);
    if (lsn <= floor) return undefined;
    const delivered = lease?.delivered ?? position.next - 1;
    if (lsn > delivered) {
      throw new RangeError(`${method}: LSN ${lsn} was not delivered; up to ${delivered} was`);
    }
    if (position.snapshot && lease?.inSnapshot !== false) throw snapshotUnfinished(method, name);
    const end = transactionEndAt(this.#log, lsn);
    return end > floor ? end : undefined;
  }
}

/** The last LSN acked; -1 before the snapshot of an empty graph is. */
export function ackedLsn({ next, snapshot }: ConsumerPosition): number {
  return snapshot ? -1 : next - 1;
}

function checkLsn(method: string, lsn: unknown): void {
  if (typeof lsn !== "number") {
    throw new TypeError(`${method}: lsn must be a number, got ${describe(lsn)}`);
  }
  if (!Number.isSafeInteger(lsn) || lsn < 0) {
    throw new RangeError(`${method}: lsn must be a whole number from 0, got ${lsn}`);
  }
}

function busy(name: string, holder: string): VarveError {
  return new VarveError("CONSUMER_BUSY", `consumer ${describe(name)} is read by ${holder}`, {
    details: { consumer: name, holder },
  });
}

export function noConsumer(method: string, name: string): VarveError {
  return new VarveError("NOT_FOUND", `${method}: there is no consumer ${describe(name)}`, {
    details: { consumer: name },
  });
}

function snapshotUnfinished(method: string, name: string): VarveError {
  return new VarveError(
    "SNAPSHOT_UNFINISHED",
    `${method}: the snapshot of consumer ${describe(name)} is not complete`,
    { details: { consumer: name } },
  );
}
