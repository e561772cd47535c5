// What the tests of live feeds share: random transactions, a graph folded from changes, and ways to read a feed.
import fc from "fast-check";
import type { Change, ChangeBatch, ChangeFeed, Database } from "../../src/varve.ts";

export interface FoldedNode {
  labels: string[];
  props: Record<string, unknown>;
}

export interface FoldedEdge {
  from: string;
  type: string;
  to: string;
  props: Record<string, unknown>;
}

/** A graph made of nothing but changes. */
export class Folded {
  readonly nodes: Map<string, FoldedNode> = new Map();
  readonly edges: Map<number, FoldedEdge> = new Map();

  /** What the change replaces: the node or edge as it is here now. */
  stateBefore(change: Change): FoldedNode | FoldedEdge | undefined {
    if (change.kind === "event" || change.kind === "erased") return undefined;
    if ("id" in change) return this.edges.get(change.id);
    return "key" in change ? this.nodes.get(change.key) : undefined;
  }

  apply(change: Change): void {
    switch (change.kind) {
      case "node.put":
        this.nodes.set(change.key, { labels: [...change.labels], props: { ...change.props } });
        break;
      case "node.patch": {
        const node = this.nodes.get(change.key)!;
        const kept = node.labels.filter((label) => !change.removeLabels.includes(label));
        const labels = [...new Set([...kept, ...change.addLabels])];
        this.nodes.set(change.key, { labels, props: patched(node.props, change.props) });
        break;
      }
      case "node.remove":
        this.nodes.delete(change.key);
        break;
      case "edge.add": {
        const { from, type, to, props } = change;
        this.edges.set(change.id, { from, type, to, props: { ...props } });
        break;
      }
      case "edge.patch": {
        const edge = this.edges.get(change.id)!;
        this.edges.set(change.id, { ...edge, props: patched(edge.props, change.props) });
        break;
      }
      case "edge.remove":
        this.edges.delete(change.id);
        break;
      default:
        break;
    }
  }

  /** Order-free, for comparing. */
  plain(): unknown {
    const nodes = [...this.nodes].map(([key, { labels, props }]) => [
      key,
      { labels: [...labels].sort(), props },
    ]);
    return { nodes: Object.fromEntries(nodes), edges: Object.fromEntries(this.edges) };
  }

  static of(changes: Iterable<Change>): Folded {
    const folded = new Folded();
    for (const change of changes) folded.apply(change);
    return folded;
  }

  static ofDatabase(db: Pick<Database, "nodes" | "allEdges">): Folded {
    const folded = new Folded();
    for (const { key, labels, props } of db.nodes()) folded.nodes.set(key, { labels, props });
    for (const { id, from, type, to, props } of db.allEdges()) {
      folded.edges.set(id, { from, type, to, props });
    }
    return folded;
  }
}

function patched(
  props: Record<string, unknown>,
  patch: Record<string, unknown>,
): Record<string, unknown> {
  const result = { ...props };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = value;
  }
  return result;
}

/** One operation of a random transaction; those that cannot be done are left out when it runs. */
export interface Op {
  readonly what: "put" | "patch" | "remove" | "link" | "bulk" | "patchEdge" | "unlink" | "emit";
  readonly a: number;
  readonly b: number;
  readonly n: number;
}

export const keys: readonly string[] = ["ada", "adam", "bob", "eve", "a", "éa"];
export const labels: readonly string[] = ["Person", "Poet", "City"];
export const types: readonly string[] = ["KNOWS", "LIKES"];
export const eventNames: readonly string[] = ["signed-up", "left"];

const small: fc.Arbitrary<number> = fc.nat(11);

export const transactions: fc.Arbitrary<Op[][]> = fc.array(
  fc.array(
    fc.record({
      what: fc.constantFrom(
        "put",
        "patch",
        "remove",
        "link",
        "bulk",
        "patchEdge",
        "unlink",
        "emit",
      ),
      a: small,
      b: small,
      n: small,
    }),
    { minLength: 1, maxLength: 5 },
  ),
  { minLength: 1, maxLength: 12 },
);

function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length]!;
}

/** Runs one transaction; `db` may be one whose feed is being read. */
export async function transact(db: Database, ops: readonly Op[]): Promise<void> {
  await db.transact((tx) => {
    for (const { what, a, b, n } of ops) {
      const key = pick(keys, a);
      const other = pick(keys, b);
      const edges = [...tx.allEdges()];
      const edge = edges[n % Math.max(1, edges.length)];
      const label = pick(labels, b);
      if (what === "put") tx.putNode(key, { labels: [label], props: { n, at: new Date(b) } });
      else if (what === "emit") tx.emit(pick(eventNames, a), { n });
      else if (what === "remove") tx.removeNode(key);
      else if (what === "patch" && tx.hasNode(key)) {
        const removeLabels = labels.filter((one) => one !== label).slice(0, n % 3);
        const props = { n: n % 2 === 0 ? null : n, [`p${b}`]: "x" };
        tx.patchNode(key, { props, addLabels: [label], removeLabels });
      } else if (what === "link" && tx.hasNode(key) && tx.hasNode(other)) {
        tx.addEdge(key, pick(types, n), other, { n });
      } else if (what === "bulk" && tx.hasNode(key) && tx.hasNode(other)) {
        const from = Uint32Array.of(tx.nodeId(key)!, tx.nodeId(other)!, tx.nodeId(other)!);
        tx.addEdges({ type: pick(types, n), from, to: Uint32Array.from(from).reverse() });
      } else if (what === "patchEdge" && edge !== undefined) {
        tx.patchEdge(edge.id, { n: n % 2 === 0 ? null : n, m: b });
      } else if (what === "unlink" && edge !== undefined) tx.removeEdge(edge.id);
    }
  });
}

/** Reads batches until one says so, that one included, or the feed ends. */
export async function readUntil(
  feed: AsyncIterator<ChangeBatch>,
  isLast: (batch: ChangeBatch) => boolean,
): Promise<ChangeBatch[]> {
  const batches: ChangeBatch[] = [];
  for (;;) {
    const { done, value } = await feed.next();
    if (done === true) return batches;
    batches.push(value);
    if (isLast(value)) return batches;
  }
}

export function caughtUp(batch: ChangeBatch): boolean {
  return batch.mark === "caught-up";
}

export async function allOf(feed: ChangeFeed): Promise<Change[]> {
  const all: Change[] = [];
  for await (const { changes } of feed) all.push(...changes);
  return all;
}

/** Lets promises settle; no task and no timer runs. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await undefined;
}
