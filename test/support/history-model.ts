// What a database that drops history may show: the graph as the commits make it, the changes above a horizon that moves when it likes, and
// the graph as it was at that horizon.
import { createHash } from "node:crypto";
import type { NodeState } from "../../src/varve.ts";
import { type Command, CommitModel, edgeText, type Graph, type View } from "./commit-model.ts";

/** What readers find of the past; the model's own states have all of it. */
export interface Kept {
  /** Of the changes those at and below it are compacted. */
  readonly horizon: number;
  readonly graph: string;
  /** The graph at the horizon, where somebody looked. */
  readonly past: string | undefined;
}

export interface HistoryView extends View {
  readonly kept?: Kept;
}

interface GraphFace {
  readonly nodeCount: number;
  readonly edgeCount: number;
  nodes(): Iterable<Shown>;
  edges(
    key: string,
    options: { direction: "out" },
  ): Iterable<{ readonly from: string; readonly type: string; readonly to: string }>;
}

type Shown = Pick<NodeState, "key" | "labels" | "props">;

/** Equal for faces that show the same graph: by counts, nodes and the edges that leave them. */
export function graphTextOf(face: GraphFace): string {
  const lines: string[] = [];
  for (const { key, labels, props } of face.nodes()) {
    lines.push(nodeLine(key, labels, props));
    for (const { from, type, to } of face.edges(key, { direction: "out" })) {
      lines.push(edgeText([from, type, to]));
    }
  }
  return textOf(face.nodeCount, face.edgeCount, lines);
}

function modelText({ nodes, edges }: Graph): string {
  const lines = [...nodes].map(([key, props]) => nodeLine(key, ["T"], props));
  return textOf(nodes.size, edges.length, [...lines, ...edges]);
}

function nodeLine(key: string, labels: readonly string[], props: NodeState["props"]): string {
  const names = Object.keys(props).sort();
  return `${key} ${labels.join()} ${names.map((name) => `${name} ${props[name]}`).join()}`;
}

function textOf(nodes: number, edges: number, lines: string[]): string {
  const digest = createHash("sha256").update(lines.sort().join("\n")).digest("hex").slice(0, 16);
  return `${nodes} nodes, ${edges} edges ${digest}`;
}

/** Of an entry of a log: the LSN at which its transaction ends. */
function endOf(entry: string | undefined): number {
  return Number(/^\d+-(\d+) /.exec(entry ?? "")?.[1] ?? 0);
}

export function lastLsnOf({ log, kept }: HistoryView): number {
  return Math.max(endOf(log.at(-1)), kept?.horizon ?? 0);
}

export class HistoryModel {
  readonly #commits: CommitModel = new CommitModel(false);
  readonly #before: WeakMap<View, View> = new WeakMap();
  readonly #texts: WeakMap<View, string> = new WeakMap();

  get initial(): HistoryView {
    return this.#commits.initial;
  }

  apply(view: HistoryView, command: Command): HistoryView {
    const next = this.#commits.apply(view, command);
    if (next !== view) this.#before.set(next, view);
    return next;
  }

  /** Whether `found` is `due` but for changes that lie below a horizon, which is the end of a transaction. */
  matches(due: HistoryView, found: HistoryView): boolean {
    if (found.kept === undefined || found.mark !== due.mark) return false;
    const { horizon, graph, past } = found.kept;
    if (!isRest(found.log, due.log, horizon)) return false;
    if (this.#graphText(due) !== graph) return false;
    return past === undefined || this.#pastText(due, horizon) === past;
  }

  #graphText(view: View): string {
    const known = this.#texts.get(view) ?? modelText(this.#commits.graphOf(view));
    this.#texts.set(view, known);
    return known;
  }

  #pastText(view: View, lsn: number): string {
    let past = view;
    while (endOf(past.log.at(-1)) > lsn) past = this.#before.get(past) as View;
    return this.#graphText(past);
  }
}

/** Whether `found` is what lies above the horizon of `log`, which goes at least that far. */
function isRest(found: readonly string[], log: readonly string[], horizon: number): boolean {
  const from = log.length - found.length;
  if (from < 0 || endOf(log[from - 1]) !== horizon) return false;
  return found.every((entry, at) => entry === log[from + at]);
}

/** Whether a copy shows `due`, or what is left of it once as much more is compacted. */
export function isCopyOf(found: HistoryView, due: HistoryView): boolean {
  if (found.mark !== due.mark || found.kept?.graph !== due.kept?.graph) return false;
  const { kept } = found;
  if (kept === undefined || lastLsnOf(found) !== lastLsnOf(due)) return false;
  if (kept.horizon < (due.kept?.horizon ?? 0)) return false;
  return found.log.join() === due.log.filter((entry) => endOf(entry) > kept.horizon).join();
}
