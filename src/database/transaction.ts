// The transaction that users get: the graph's, and the system state that is stored with it.
import { checkName } from "../graph/arguments.ts";
import { GraphTransaction } from "../graph/graph-transaction.ts";
import { MapTransaction } from "../graph/map-transaction.ts";
import type { ErasureNotes } from "../graph/node-writes.ts";
import { type TransactionCore, TransactionSource } from "../graph/transaction-core.ts";
import type { GraphName, GraphSchema, MapName, MapValue, Schema } from "../graph/types.ts";
import {
  type ConsumerLeases,
  type ConsumerPosition,
  consumerStateName,
  positionFrom,
} from "./consumer-leases.ts";
import type { OwnWrites } from "./core-parts.ts";
import { erasureStateName } from "./erasures.ts";
import type { SystemState } from "./system-values.ts";

export class Transaction<S = Schema> extends GraphTransaction<S> {
  readonly #core: TransactionCore;
  readonly #handle: TransactionSource;
  readonly #erasures: ErasureNotes;
  readonly #states: [string, unknown][];
  readonly #leases: ConsumerLeases;

  /** @param states receives what the callback stores; the database applies it once accepted. */
  constructor(
    core: TransactionCore,
    states: [string, unknown][],
    leases: ConsumerLeases,
    state: SystemState,
  ) {
    const handle = new TransactionSource(core);
    const erasures: ErasureNotes = {
      isPending: (id) => state.get(erasureStateName(id)) !== undefined,
      note: (id, lsn) => this.#store("erase", erasureStateName(id), lsn),
    };
    super(handle, erasures);
    this.#core = core;
    this.#handle = handle;
    this.#erasures = erasures;
    this.#states = states;
    this.#leases = leases;
  }

  /** The graph with a name, which the first write begins: all reads and writes of the default graph. No edge leads out of a graph. */
  graph<N extends GraphName<S>>(name: N): GraphTransaction<GraphSchema<S, N>> {
    this.#handle.open("graph");
    checkName("graph", "name", name);
    const source = new TransactionSource(this.#core, name);
    return new GraphTransaction<GraphSchema<S, N>>(source, this.#erasures);
  }

  /** The ordered map with a name, which the first put begins. */
  map<N extends MapName<S>>(name: N): MapTransaction<MapValue<S, N>> {
    this.#handle.open("map");
    checkName("map", "name", name);
    return new MapTransaction<MapValue<S, N>>(this.#handle, name);
  }

  /**
   * Ends a graph with everything in it: one event, whatever is in it. One of that name that is made later has nothing to do with
   * it. Returns false where there is none.
   */
  dropGraph(name: GraphName<S>): boolean {
    return this.#handle
      .open("dropGraph")
      .drop("dropGraph", "graph", checkName("dropGraph", "name", name));
  }

  /** The same for a map. */
  dropMap(name: MapName<S>): boolean {
    return this.#handle.open("dropMap").drop("dropMap", "map", checkName("dropMap", "name", name));
  }

  /**
   * Acks a consumer together with what the transaction writes: either both survive a crash or neither, so that the
   * effects of a batch, written here, happen exactly once. Rules as for the consumer's own `ack`.
   *
   * @param consumer the consumer that delivered it; its name stands for whoever reads it now, and is not fenced.
   * @throws `RangeError` for an LSN beyond what was delivered; `VarveError` NOT_FOUND, SNAPSHOT_UNFINISHED, and
   *   CONSUMER_BUSY or CONFLICT where another reader took over or the consumer was reset. The transaction is as before.
   */
  ack(consumer: string | { readonly name: string }, lsn: number): void {
    this.#handle.open("ack");
    const leases = this.#leases;
    const name = checkName("ack", "consumer", nameOf(consumer));
    const lease = typeof consumer === "string" ? leases.last(name) : leases.leaseOf(consumer);
    const position = this.#position(name);
    const end = leases.ackedEnd("ack", name, lease, position, lsn);
    if (end === undefined) return;
    const next = { next: end + 1, snapshot: false };
    this.#store("ack", consumerStateName(name), next);
  }

  /** Where a consumer stands, acks of this transaction included. */
  #position(name: string): ConsumerPosition | undefined {
    const stateName = consumerStateName(name);
    for (let i = this.#states.length - 1; i >= 0; i--) {
      const [stored, value] = this.#states[i]!;
      if (stored === stateName) return positionFrom(value);
    }
    return this.#leases.position(name);
  }

  /** @internal See system-state.ts. */
  static storeState(transaction: Transaction, name: string, value: unknown): void {
    transaction.#store("writeState", name, value);
  }

  /** @internal What the system writes for itself. */
  static ownWrites(transaction: Transaction): OwnWrites {
    return { state: (name, value) => transaction.#store("writeState", name, value) };
  }

  #store(method: string, name: string, value: unknown): void {
    this.#handle.open(method).batch.state(name, value ?? null);
    this.#states.push([name, value]);
  }
}

function nameOf(consumer: unknown): unknown {
  return typeof consumer === "object" && consumer !== null && "name" in consumer
    ? consumer.name
    : consumer;
}
