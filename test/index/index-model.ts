// What an index should say, kept as plain lists: nodes with their versions and edges with theirs, looked through for every answer.
import type { EventBatch } from "../../src/log/event-batch.ts";

export type ModelOperation =
  | { op: string; key: string; labels: number[]; isBig: boolean }
  | { op: string; key: string }
  | { op: string; key: string; type: number; to: string }
  | { op: string; type: number; count: number; pick: number }
  | { op: string; pick: number };

interface ModelNode {
  readonly id: number;
  readonly key: string;
  readonly from: number;
  to: number;
  readonly versions: { lsn: number; labels: number[] }[];
}

interface ModelEdge {
  readonly id: number;
  readonly type: number;
  readonly from: number;
  readonly to: number;
  removed: number;
  readonly patches: number[];
}

interface NodePicture {
  readonly key: string | undefined;
  readonly isLive: boolean;
  readonly version: number;
  readonly labels: number[];
  readonly out: number[];
  readonly into: number[];
  readonly to: number[];
  readonly both: number[];
  readonly neighbors: number[];
  readonly sources: number[];
  readonly degree: number;
}

export interface Picture {
  readonly nodes: NodePicture[];
  readonly versions: ([number, boolean] | undefined | (number | boolean)[])[];
  readonly changed: number;
  readonly ids: number[];
  readonly keyOrder: number[];
  readonly labelled: number[][];
  readonly has: boolean[];
}

const never = Number.POSITIVE_INFINITY;
const keyUniverse = [
  "a",
  "ab",
  "b",
  "nul",
  "nul\u0000",
  "k".repeat(27),
  "k".repeat(28),
  "l".repeat(300),
];

export class IndexModel {
  lsn = 0;
  nextNodeId = 1;
  nodes: ModelNode[] = [];
  edges: ModelEdge[] = [];

  copy(): IndexModel {
    const copy = new IndexModel();
    copy.lsn = this.lsn;
    copy.nextNodeId = this.nextNodeId;
    copy.nodes = structuredClone(this.nodes);
    copy.edges = structuredClone(this.edges);
    return copy;
  }

  get idMax(): number {
    return this.nextNodeId;
  }

  get nodeCount(): number {
    return this.nodes.filter((node) => node.to === never).length;
  }

  get edgeCount(): number {
    return this.edges.filter((edge) => edge.removed === never).length;
  }

  /** Writes the events of an operation, where it can be done, and does it. */
  perform(operation: ModelOperation, batch: EventBatch): void {
    const { op } = operation;
    if (op === "put" || op === "patch") this.#put(operation as never, batch);
    else if (op === "remove") this.#remove((operation as { key: string }).key, batch);
    else if (op === "edge") this.#edge(operation as never, batch);
    else if (op === "run") this.#run(operation as never, batch);
    else this.#change(op === "removeEdge", (operation as { pick: number }).pick, batch);
  }

  /** What is to be read as of an LSN. */
  at(lsn: number): Picture {
    const nodes: NodePicture[] = [];
    for (let id = 0; id <= this.idMax; id++) nodes.push(this.#nodeAt(id, lsn));
    const versions: Picture["versions"] = [];
    const ever = this.edges.filter((edge) => edge.removed !== never || edge.patches.length > 0);
    for (let id = 1; id <= this.lsn; id++) versions.push(this.#edgeVersion(id, lsn));
    const live = this.nodes.filter((node) => isLiveAt(node, lsn));
    const withLabel = (label: number): number[] =>
      live.filter((node) => labelsAt(node, lsn).includes(label)).map(({ id }) => id);
    const order = [...live].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    return {
      nodes,
      versions,
      changed: Math.min(never, ...ever.map(({ id }) => id)),
      ids: keyUniverse.map((key) => live.find((node) => node.key === key)?.id ?? 0),
      keyOrder: order.map(({ id }) => id),
      labelled: [1, 2, 3].map((label) => withLabel(label).sort((a, b) => a - b)),
      has: [1, 2, 3].map((label) => withLabel(label).includes(1)),
    };
  }

  #nodeAt(id: number, lsn: number): NodePicture {
    const node = this.nodes.find((each) => each.id === id);
    const isLive = node !== undefined && isLiveAt(node, lsn);
    const edges = this.edges.filter((edge) => edge.id <= lsn && edge.removed > lsn);
    const out = inOrder(
      edges.filter((edge) => edge.from === id),
      "to",
    );
    const into = inOrder(
      edges.filter((edge) => edge.to === id),
      "from",
    );
    const ends = [...out.map((edge) => edge.to), ...into.map((edge) => edge.from)];
    const sources = into.filter((edge) => edge.type === 5).map((edge) => edge.from);
    return {
      key: node?.key,
      isLive,
      version: isLive ? node.versions.filter((each) => each.lsn <= lsn).at(-1)!.lsn : 0,
      labels: isLive ? labelsAt(node, lsn) : [],
      out: out.map((edge) => edge.id),
      into: into.filter((edge) => edge.type === 4).map((edge) => edge.id),
      to: out.filter((edge) => edge.type === 5 && edge.to === 1).map((edge) => edge.id),
      both: [...out, ...into.filter((edge) => edge.from !== id)].map((edge) => edge.id),
      neighbors: ascending(ends),
      sources: ascending(sources),
      degree: [...out, ...into].filter((edge) => edge.type === 5).length,
    };
  }

  #edgeVersion(id: number, lsn: number): [number, boolean] | undefined {
    const edge = this.edges.find((each) => each.id === id);
    if (edge === undefined) return undefined;
    if (edge.removed <= lsn) return [edge.removed, true];
    const patch = edge.patches.filter((each) => each <= lsn).at(-1);
    return patch === undefined ? undefined : [patch, false];
  }

  #put(
    { op, key, labels, isBig }: { op: string; key: string; labels: number[]; isBig: boolean },
    batch: EventBatch,
  ): void {
    const node = this.#live(key);
    const props = { p: isBig ? "x".repeat(300) : "x" };
    if (node === undefined) {
      if (op === "patch") return;
      const id = this.nextNodeId++;
      this.lsn = batch.nodePut(0, id, key, labels, props);
      const versions = [{ lsn: this.lsn, labels }];
      this.nodes.push({ id, key, from: this.lsn, to: never, versions });
      return;
    }
    const last = node.versions.at(-1)!;
    if (op === "put") {
      this.lsn = batch.nodePut(0, node.id, undefined, labels, props);
      node.versions.push({ lsn: this.lsn, labels });
      return;
    }
    const added = labels.slice(0, 1);
    const removed = labels.slice(1);
    this.lsn = batch.nodePatch(0, node.id, last.lsn, added, removed, props, undefined);
    const kept = last.labels.filter((label) => !removed.includes(label));
    const after = [...kept, ...added.filter((label) => !kept.includes(label))];
    node.versions.push({ lsn: this.lsn, labels: after });
  }

  #remove(key: string, batch: EventBatch): void {
    const node = this.#live(key);
    if (node === undefined) return;
    for (const edge of this.edges) {
      if (edge.removed !== never || (edge.from !== node.id && edge.to !== node.id)) continue;
      this.#removeEdge(edge, batch);
    }
    this.lsn = batch.nodeRemove(0, node.id, key, node.versions.at(-1)!.labels);
    node.to = this.lsn;
  }

  #edge({ key, type, to }: { key: string; type: number; to: string }, batch: EventBatch): void {
    const source = this.#live(key);
    const target = this.#live(to);
    if (source === undefined || target === undefined) return;
    this.lsn = batch.edgeAdd(0, type, source.id, target.id, undefined);
    this.#add(this.lsn, type, source.id, target.id);
  }

  #run(
    { type, count, pick }: { type: number; count: number; pick: number },
    batch: EventBatch,
  ): void {
    const live = this.nodes.filter((node) => node.to === never).map(({ id }) => id);
    if (live.length === 0 || count === 0) return;
    const from = Uint32Array.from({ length: count }, (_, i) => live[(pick + i) % live.length]!);
    const to = Uint32Array.from({ length: count }, (_, i) => live[(i * i + pick) % live.length]!);
    const first = batch.nextLsn;
    batch.edgeRun(0, type, from, to);
    for (let i = 0; i < count; i++) this.#add(first + i, type, from[i]!, to[i]!);
    this.lsn = batch.lastLsn;
  }

  #change(isRemoval: boolean, pick: number, batch: EventBatch): void {
    const live = this.edges.filter((each) => each.removed === never);
    const edge = live[pick % Math.max(1, live.length)];
    if (edge === undefined) return;
    if (isRemoval) {
      this.#removeEdge(edge, batch);
      return;
    }
    this.lsn = batch.edgePatch(0, edge, edge.patches.at(-1) ?? edge.id, { p: 1 }, undefined);
    edge.patches.push(this.lsn);
  }

  #add(id: number, type: number, from: number, to: number): void {
    this.edges.push({ id, type, from, to, removed: never, patches: [] });
  }

  #removeEdge(edge: ModelEdge, batch: EventBatch): void {
    this.lsn = batch.edgeRemove(0, edge);
    edge.removed = this.lsn;
  }

  #live(key: string): ModelNode | undefined {
    return this.nodes.find((node) => node.key === key && node.to === never);
  }
}

function isLiveAt(node: ModelNode, lsn: number): boolean {
  return node.from <= lsn && lsn < node.to;
}

function labelsAt(node: ModelNode, lsn: number): number[] {
  return node.versions.filter((each) => each.lsn <= lsn).at(-1)!.labels;
}

function inOrder(edges: ModelEdge[], other: "from" | "to"): ModelEdge[] {
  return edges.sort((a, b) => a.type - b.type || a[other] - b[other] || a.id - b.id);
}

function ascending(ids: readonly number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}
