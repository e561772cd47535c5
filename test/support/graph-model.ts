// A naive graph to compare with: maps, arrays and copies, written from the contract alone. It shares no code with the engine.

export type ModelProps = Record<string, unknown>;

export interface ModelNode {
  key: string;
  id: number;
  labels: string[];
  props: ModelProps;
  lsn: number;
}

export interface ModelEdge {
  id: number;
  from: string;
  type: string;
  to: string;
  props: ModelProps;
  lsn: number;
}

export interface ModelChoice {
  direction?: "out" | "in" | "both" | undefined;
  type?: string | readonly string[] | undefined;
}

/** Numbers that go on counting whatever is taken back. */
export interface ModelCounters {
  nextNodeId: number;
}

export class GraphModel {
  nodes: ModelNode[] = [];
  edgeList: ModelEdge[] = [];
  lsn = 0;
  readonly counters: ModelCounters;
  /** Edge types in the order of their first use. */
  readonly types: readonly string[];

  constructor(types: readonly string[], counters: ModelCounters = { nextNodeId: 1 }) {
    this.types = types;
    this.counters = counters;
  }

  /** A copy that shares only the counters. */
  copy(): GraphModel {
    const model = new GraphModel(this.types, this.counters);
    model.nodes = structuredClone(this.nodes);
    model.edgeList = structuredClone(this.edgeList);
    model.lsn = this.lsn;
    return model;
  }

  node(key: string): ModelNode | undefined {
    return this.nodes.find((node) => node.key === key);
  }

  edge(id: number): ModelEdge | undefined {
    return this.edgeList.find((edge) => edge.id === id);
  }

  putNode(key: string, labels: readonly string[], props: ModelProps): number {
    this.lsn++;
    const known = this.node(key);
    const state = { labels: [...new Set(labels)], props: withoutUndefined(props), lsn: this.lsn };
    if (known !== undefined) {
      Object.assign(known, state);
      return known.id;
    }
    const id = this.counters.nextNodeId++;
    this.nodes.push({ key, id, ...state });
    return id;
  }

  /** Returns whether there was such a node. */
  patchNode(
    key: string,
    props: ModelProps,
    add: readonly string[],
    remove: readonly string[],
  ): boolean {
    const node = this.node(key);
    if (node === undefined) return false;
    this.lsn++;
    node.lsn = this.lsn;
    patch(node.props, props);
    node.labels = node.labels.filter((label) => !remove.includes(label));
    node.labels = [...new Set([...node.labels, ...add])];
    return true;
  }

  removeNode(key: string): boolean {
    if (this.node(key) === undefined) return false;
    const kept = this.edgeList.filter((edge) => edge.from !== key && edge.to !== key);
    this.lsn += this.edgeList.length - kept.length + 1;
    this.edgeList = kept;
    this.nodes = this.nodes.filter((node) => node.key !== key);
    return true;
  }

  addEdge(from: string, type: string, to: string, props: ModelProps): number {
    this.lsn++;
    const edge = { id: this.lsn, from, type, to, props: withoutUndefined(props), lsn: this.lsn };
    this.edgeList.push(edge);
    return edge.id;
  }

  between(from: string, type: string, to: string): ModelEdge[] {
    return this.edgeList.filter((e) => e.from === from && e.type === type && e.to === to);
  }

  replaceEdge(edge: ModelEdge, props: ModelProps): void {
    this.lsn++;
    edge.lsn = this.lsn;
    edge.props = withoutUndefined(props);
  }

  patchEdge(id: number, props: ModelProps): boolean {
    const edge = this.edge(id);
    if (edge === undefined) return false;
    this.lsn++;
    edge.lsn = this.lsn;
    patch(edge.props, props);
    return true;
  }

  removeEdge(id: number): boolean {
    if (this.edge(id) === undefined) return false;
    this.lsn++;
    this.edgeList = this.edgeList.filter((edge) => edge.id !== id);
    return true;
  }

  // --- reads

  edges(key: string, choice: ModelChoice & { to?: string | undefined } = {}): ModelEdge[] {
    const { direction = "out", to } = choice;
    const chosen = this.edgeList.filter((edge) => this.isOfType(edge, choice));
    const out = chosen.filter((e) => e.from === key && (to === undefined || e.to === to));
    const into = chosen.filter((e) => e.to === key && (to === undefined || e.from === to));
    out.sort((a, b) => this.compare(a, b, "to"));
    into.sort((a, b) => this.compare(a, b, "from"));
    if (direction === "out") return out;
    if (direction === "in") return into;
    return [...out, ...into.filter((edge) => edge.from !== key)];
  }

  degree(key: string, choice: ModelChoice = {}): number {
    const { direction = "out" } = choice;
    const sides: ("out" | "in")[] = direction === "both" ? ["out", "in"] : [direction];
    let count = 0;
    for (const side of sides) count += this.edges(key, { ...choice, direction: side }).length;
    return count;
  }

  neighborIds(key: string, choice: ModelChoice = {}): number[] {
    const ids = this.edges(key, choice).map((edge) => this.idOf(otherEnd(edge, key, choice)));
    return [...new Set(ids)].sort((a, b) => a - b);
  }

  neighbors(key: string, choice: ModelChoice = {}): string[] {
    return this.neighborIds(key, choice).map(
      (id) => this.nodes.find((node) => node.id === id)?.key ?? "?",
    );
  }

  nodesWhere(choice: { label?: string; prefix?: string; after?: string } = {}): ModelNode[] {
    const { label, prefix = "", after } = choice;
    return this.nodes
      .filter((node) => label === undefined || node.labels.includes(label))
      .filter((node) => node.key.startsWith(prefix))
      .filter((node) => after === undefined || compareText(node.key, after) > 0)
      .sort((a, b) => compareText(a.key, b.key));
  }

  allEdges(choice: ModelChoice & { after?: number } = {}): ModelEdge[] {
    const { after = 0 } = choice;
    return this.edgeList
      .filter((edge) => edge.id > after && this.isOfType(edge, choice))
      .sort((a, b) => a.id - b.id);
  }

  /** Distance of every node that can be reached. */
  distances(key: string, choice: ModelChoice = {}): Map<string, number> {
    const found = new Map<string, number>();
    if (this.node(key) === undefined) return found;
    found.set(key, 0);
    // Appending to the map while walking it is the queue of the search.
    for (const [at, depth] of found) {
      for (const next of this.neighbors(at, choice)) {
        if (!found.has(next)) found.set(next, depth + 1);
      }
    }
    return found;
  }

  idOf(key: string): number {
    return this.node(key)?.id ?? -1;
  }

  isOfType(edge: ModelEdge, { type }: ModelChoice): boolean {
    if (type === undefined) return true;
    return typeof type === "string" ? edge.type === type : type.includes(edge.type);
  }

  compare(a: ModelEdge, b: ModelEdge, end: "from" | "to"): number {
    const byType = this.types.indexOf(a.type) - this.types.indexOf(b.type);
    return byType || this.idOf(a[end]) - this.idOf(b[end]) || a.id - b.id;
  }
}

function otherEnd(edge: ModelEdge, key: string, { direction = "out" }: ModelChoice): string {
  if (direction === "out") return edge.to;
  if (direction === "in") return edge.from;
  return edge.from === key ? edge.to : edge.from;
}

/** The order of code points, which is that of UTF-8 bytes; half a surrogate pair counts as a code point. */
export function compareText(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function withoutUndefined(props: ModelProps): ModelProps {
  const entries = Object.entries(props).filter(([, value]) => value !== undefined);
  return structuredClone(Object.fromEntries(entries));
}

function patch(props: ModelProps, changes: ModelProps): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    if (value === null) Reflect.deleteProperty(props, name);
    else
      Object.defineProperty(props, name, {
        value: structuredClone(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
}
