// The transaction that users get: the graph's, and the system state that is stored with it.
import { checkName } from "../graph/arguments.ts";
import { GraphTransaction } from "../graph/graph-transaction.ts";
import { MapTransaction } from "../graph/map-transaction.ts";
import { eraseNode, idsOfKey } from "../graph/node-writes.ts";
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
  readonly #states: [string, unknown][];
  readonly #leases: ConsumerLeases;
  readonly #state: SystemState;

  /** @param states receives what the callback stores; the database applies it once accepted. */
  constructor(
    core: TransactionCore,
    states: [string, unknown][],
    leases: ConsumerLeases,
    state: SystemState,
  ) {
    const handle = new TransactionSource(core);
    super(handle);
    this.#core = core;
    this.#handle = handle;
    this.#states = states;
    this.#leases = leases;
    this.#state = state;
  }

  /** The graph with a name, which the first write begins: all reads and writes of the default graph. No edge leads out of a graph. */
  graph<N extends GraphName<S>>(name: N): GraphTransaction<GraphSchema<S, N>> {
    this.#handle.open("graph");
    checkName("graph", "name", name);
    return new GraphTransaction<GraphSchema<S, N>>(new TransactionSource(this.#core, name));
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

  /**
   * Removes a node with its edges, as `removeNode` does, and has every trace of them taken from the files for good by the next
   * compaction, whatever the history policy: of this node and of all that had the key before it. Their events keep their LSNs, as
   * changes of kind `"erased"`. See docs/HISTORY.md for what is promised and what is not.
   *
   * @returns false where no node has the key, and none is known that had it.
   */
  erase(key: string): boolean {
    const method = "erase";
    const core = this.#handle.open(method);
    const ids = idsOfKey(core, method, key);
    // Of those that wait already, nothing more can come.
    const more = ids.filter((id) => this.#state.get(erasureStateName(id)) === undefined);
    if (more.length === 0) return ids.length > 0;
    const lsn = eraseNode(core, method, key);
    for (const id of more) this.#store(method, erasureStateName(id), lsn);
    return true;
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
    return {
      state: (name, value) => transaction.#store("writeState", name, value),
      pass: () => {
        transaction.#handle.open("pass").batch.gap(false);
      },
    };
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
