// What the crash tests write, as plain commands, and the model of what they make: the log that a feed must tell, and the graph. It knows
// the engine only through its public face and shares no code with its decoders.
import { createHash } from "node:crypto";
import type { Change, Durability, Transaction } from "../../src/varve.ts";

/** One write. What names something that is not there does nothing, in the engine and in the model. */
export type Write =
  | { readonly put: string; readonly pad?: number }
  /** Many nodes of some 2,000 bytes each. */
  | { readonly puts: string; readonly bytes: number }
  | { readonly patch: string }
  /** Only of a node without edges. */
  | { readonly remove: string }
  | { readonly link: readonly [string, string, string] }
  /** Removes every edge of this type between the two. */
  | { readonly unlink: readonly [string, string, string] }
  /** With a text of so many characters, which no state needs; default none. */
  | { readonly emit: string; readonly pad?: number };

/** One transaction. */
export interface Commit {
  readonly tx: readonly Write[];
  /** Stored as the database's state "mark", atomically with the writes. */
  readonly mark?: string;
  /** What the commit waits for; the database's own where it is absent. */
  readonly as?: Durability;
  /** The callback throws after its last write: nothing of it may ever be seen. */
  readonly fails?: true;
}

/** `rest` lets the background go on until it has nothing left to do; `pass` lets so many milliseconds pass. */
export type Command = Commit | "flush" | "checkpoint" | "rest" | { readonly pass: number };

/** What readers find: each transaction with its LSNs and its content, and the state that is stored beside them. */
export interface View {
  readonly log: readonly string[];
  readonly mark: string | undefined;
}

export type Props = Readonly<Record<string, unknown>>;

/** What a graph shows, in texts that are equal for equal graphs. */
export class Graph {
  readonly nodes: Map<string, Props> = new Map();
  edges: string[] = [];

  copy(): Graph {
    const copy = new Graph();
    for (const [key, props] of this.nodes) copy.nodes.set(key, props);
    copy.edges = [...this.edges];
    return copy;
  }

  apply(change: Change): void {
    if (change.kind === "node.put") this.nodes.set(change.key, change.props);
    else if (change.kind === "node.patch") {
      this.nodes.set(change.key, { ...this.nodes.get(change.key), ...change.props });
    } else if (change.kind === "node.remove") this.nodes.delete(change.key);
    else if (change.kind === "edge.add") {
      this.edges.push(edgeText([change.from, change.type, change.to]));
    } else if (change.kind === "edge.remove") {
      const gone = this.edges.indexOf(edgeText([change.from, change.type, change.to]));
      if (gone >= 0) this.edges.splice(gone, 1);
    }
  }
}

export function edgeText(edge: readonly [string, string, string]): string {
  return edge.join(" ");
}

let text = "";
for (let i = 0; text.length < 64 * 1024; i++) text += `${(i * 2654435761) % 4294967296}.`;

/** A text of so many characters that does not repeat. */
export function filler(length: number, from = 0): string {
  return text.slice(from, from + length);
}

export const small = (key: string): Commit => ({ tx: [{ put: key }] });

export const linked = (key: string, to: string): Commit => ({
  tx: [{ put: key }, { link: [key, "next", to] }, { patch: to }, { emit: key }],
});

/** One transaction of about `bytes`, over several frames where they are more than 32 KiB. */
export const large = (key: string, bytes: number): Commit => ({ tx: [{ puts: key, bytes }] });

/** A transaction that writes no event, only state. */
export const marked = (mark: string): Commit => ({ tx: [], mark });

/** Puts of many nodes are puts of each. */
function* single(writes: readonly Write[]): Generator<Exclude<Write, { puts: string }>> {
  for (const write of writes) {
    if (!("puts" in write)) yield write;
    else {
      for (let i = 0; i * 2000 < write.bytes; i++)
        yield { put: `${write.puts}.${i}`, pad: i * 7 + 1 };
    }
  }
}

function nextProps(before: Props | undefined, pad: number | undefined): Props {
  const n = ((before?.["n"] as number | undefined) ?? 0) + 1;
  return pad === undefined ? { n } : { n, pad: filler(1900, pad) };
}

/** Does in the engine what a commit says. */
export function perform(tx: Transaction, writes: readonly Write[]): void {
  for (const write of single(writes)) {
    if ("put" in write) {
      const props = nextProps(tx.node(write.put)?.props, write.pad);
      tx.putNode(write.put, { labels: ["T"], props });
    } else if ("patch" in write) {
      const node = tx.node(write.patch);
      if (node !== undefined)
        tx.patchNode(write.patch, { props: nextProps(node.props, undefined) });
    } else if ("remove" in write) {
      const isFree = tx.hasNode(write.remove) && [...tx.edges(write.remove)].length === 0;
      if (isFree) tx.removeNode(write.remove);
    } else if ("link" in write) {
      const [from, , to] = write.link;
      if (tx.hasNode(from) && tx.hasNode(to)) tx.addEdge(...write.link, { width: from.length });
    } else if ("unlink" in write) removeEdges(tx, write.unlink);
    else tx.emit(write.emit, emittedBy(write));
  }
}

function removeEdges(tx: Transaction, [from, type, to]: readonly [string, string, string]): void {
  if (!tx.hasNode(from)) return;
  const found = [...tx.edges(from, { direction: "out", type })].filter((edge) => edge.to === to);
  for (const { id } of found) tx.removeEdge(id);
}

/** What the feed must tell of one write, which changes the graph. */
function linesOf(graph: Graph, write: Exclude<Write, { puts: string }>): string[] {
  if ("put" in write) {
    const props = nextProps(graph.nodes.get(write.put), write.pad);
    graph.nodes.set(write.put, props);
    return [line("node.put", write.put, ["T"], props)];
  }
  if ("patch" in write) {
    const before = graph.nodes.get(write.patch);
    if (before === undefined) return [];
    const props = nextProps(before, undefined);
    graph.nodes.set(write.patch, { ...before, ...props });
    return [line("node.patch", write.patch, props)];
  }
  if ("remove" in write) {
    const isFree = !graph.edges.some((edge) => edge.split(" ").includes(write.remove));
    const isGone = isFree && graph.nodes.delete(write.remove);
    return isGone ? [line("node.remove", write.remove, ["T"])] : [];
  }
  if ("link" in write) {
    const [from, , to] = write.link;
    if (!graph.nodes.has(from) || !graph.nodes.has(to)) return [];
    graph.edges.push(edgeText(write.link));
    return [line("edge.add", ...write.link, { width: from.length })];
  }
  if ("unlink" in write) {
    const gone = graph.edges.filter((edge) => edge === edgeText(write.unlink));
    graph.edges = graph.edges.filter((edge) => edge !== edgeText(write.unlink));
    return gone.map(() => line("edge.remove", ...write.unlink));
  }
  return [line("event", write.emit, shortened(emittedBy(write)))];
}

function emittedBy({
  emit,
  pad,
}: {
  readonly emit: string;
  readonly pad?: number;
}): number | string {
  return pad === undefined ? emit.length : filler(pad);
}

/** The long text that an event may have, by its length: it is told and read much too often to be written out. */
function shortened(value: unknown): unknown {
  const isLong = typeof value === "string" && value.length > 1000;
  return isLong && value === filler(value.length) ? `filler ${value.length}` : value;
}

/** What a feed tells, in the words of `linesOf`. */
export function lineOf(change: Change): string {
  switch (change.kind) {
    case "node.put":
      return line(change.kind, change.key, change.labels, change.props);
    case "node.patch":
      return line(change.kind, change.key, change.props);
    case "node.remove":
      return line(change.kind, change.key, change.labels);
    case "edge.add":
      return line(change.kind, change.from, change.type, change.to, change.props);
    case "edge.remove":
      return line(change.kind, change.from, change.type, change.to);
    case "event":
      return line(change.kind, change.name, shortened(change.value));
    default:
      return line(change.kind);
  }
}

function line(...parts: unknown[]): string {
  return JSON.stringify(parts);
}

/** One transaction of a log: where it stands, how it begins, and all of its content. Where some may be rejected, others have gaps before them. */
export function entryOf(firstLsn: number, hasGaps: boolean, lines: readonly string[]): string {
  const digest = createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 16);
  const place = hasGaps ? lines.length : `${firstLsn}-${firstLsn + lines.length - 1}`;
  return `${place} ${lines[0]?.slice(0, 24)} ${digest}`;
}

/** The model: which log and which graph the commits make. The same states are the same objects, so that it is made once. */
export class CommitModel {
  readonly initial: View = { log: [], mark: undefined };
  readonly #graphs: WeakMap<View, Graph> = new WeakMap([[this.initial, new Graph()]]);
  readonly #known: WeakMap<View, Map<string, View>> = new WeakMap();
  readonly #hasGaps: boolean;

  constructor(hasGaps: boolean) {
    this.#hasGaps = hasGaps;
  }

  apply(view: View, command: Command): View {
    const isCommit = typeof command === "object" && "tx" in command && command.fails !== true;
    if (!isCommit) return view;
    const known = this.#known.get(view) ?? new Map<string, View>();
    this.#known.set(view, known);
    const key = JSON.stringify(command);
    const next = known.get(key) ?? this.#next(view, command);
    known.set(key, next);
    return next;
  }

  /** What the graph of a view that this model has made shows. */
  graphOf(view: View): Graph {
    return this.#graphs.get(view) as Graph;
  }

  #next(view: View, commit: Commit): View {
    const { log, mark } = view;
    const graph = (this.#graphs.get(view) as Graph).copy();
    const lines = [...single(commit.tx)].flatMap((write) => linesOf(graph, write));
    const firstLsn = Number(/^\d+-(\d+) /.exec(log.at(-1) ?? "")?.[1] ?? 0) + 1;
    const entry = entryOf(firstLsn, this.#hasGaps, lines);
    const next = {
      log: lines.length === 0 ? log : [...log, entry],
      mark: commit.mark ?? mark,
    };
    this.#graphs.set(next, graph);
    return next;
  }
}
