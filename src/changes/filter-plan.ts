// What a filter says, checked; and how it judges records that are decoded already, as in a snapshot.
import { limits } from "../codec/limits.ts";
import { compareBytes, wtf8Bytes, wtf8Length } from "../codec/text.ts";
import type { ChangeKind, EdgeState, EntryState, NodeState } from "./change.ts";

/** A change must match every field that is given: one of the list, or the prefix. */
export interface ChangeFilter {
  /** Names of graphs, "" for the default one. */
  readonly graphs?: readonly string[] | undefined;
  /** Names of maps: nothing else matches. */
  readonly maps?: readonly string[] | undefined;
  readonly kinds?: readonly ChangeKind[] | undefined;
  /** Labels that a node has before the change or after it: no edge and no event matches. */
  readonly labels?: readonly string[] | undefined;
  /** Types of edges: nothing else matches. */
  readonly types?: readonly string[] | undefined;
  /** Names of users' own events: nothing else matches. */
  readonly events?: readonly string[] | undefined;
  /** How a node's key, the key of either end of an edge, or that of a map's entry begins: no event matches. */
  readonly keyPrefix?: string | undefined;
}

export interface FilterPlan {
  readonly graphs: ReadonlySet<string> | undefined;
  readonly maps: ReadonlySet<string> | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
  readonly labels: ReadonlySet<string> | undefined;
  readonly types: ReadonlySet<string> | undefined;
  readonly events: ReadonlySet<string> | undefined;
  /** WTF-8, as keys are compared everywhere. */
  readonly keyPrefix: Uint8Array | undefined;
  /** The same for filters that say the same. */
  readonly key: string;
}

const lists = ["graphs", "maps", "kinds", "labels", "types", "events"] as const;

/** @throws `TypeError` and `RangeError` for what is no filter. */
export function filterPlan(filter: unknown, kinds: readonly ChangeKind[]): FilterPlan | undefined {
  if (filter === undefined) return undefined;
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    throw new TypeError("changes: filter must be an object");
  }
  const given = filter as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (name !== "keyPrefix" && !(lists as readonly string[]).includes(name)) {
      throw new TypeError(
        `changes: unknown field ${name} in filter; there are ${lists.join(", ")}, keyPrefix`,
      );
    }
  }
  const sets = {
    graphs: names("graphs", given["graphs"], 0),
    maps: names("maps", given["maps"], 1),
    kinds: names("kinds", given["kinds"], 1),
    labels: names("labels", given["labels"], 1),
    types: names("types", given["types"], 1),
    events: names("events", given["events"], 1),
  };
  for (const kind of sets.kinds ?? []) {
    if ((kinds as readonly string[]).includes(kind)) continue;
    throw new RangeError(
      `changes: unknown kind ${JSON.stringify(kind)} in filter.kinds; there are ${kinds.join(", ")}`,
    );
  }
  const keyPrefix = prefix(given["keyPrefix"]);
  if (keyPrefix === undefined && lists.every((name) => sets[name] === undefined)) return undefined;
  const key = JSON.stringify([
    ...lists.map((name) => (sets[name] === undefined ? 0 : [...sets[name]].sort())),
    given["keyPrefix"] ?? 0,
  ]);
  return { ...sets, keyPrefix, key };
}

/** Whether a node matches as a node.put of a snapshot. */
export function passesNode(plan: FilterPlan, graph: string, node: NodeState): boolean {
  if (plan.maps !== undefined || plan.types !== undefined || plan.events !== undefined)
    return false;
  if (plan.graphs?.has(graph) === false || plan.kinds?.has("node.put") === false) return false;
  if (plan.labels !== undefined && !node.labels.some((label) => plan.labels?.has(label))) {
    return false;
  }
  return plan.keyPrefix === undefined || beginsWith(node.key, plan.keyPrefix);
}

/** Whether an entry matches as a map.put of a snapshot. */
export function passesEntry(plan: FilterPlan, map: string, { key }: EntryState): boolean {
  const { graphs, maps, kinds, labels, types, events, keyPrefix } = plan;
  if (graphs !== undefined || labels !== undefined || types !== undefined || events !== undefined)
    return false;
  if (maps?.has(map) === false || kinds?.has("map.put") === false) return false;
  return keyPrefix === undefined || beginsWith(key, keyPrefix);
}

/** Whether an edge matches as an edge.add of a snapshot. */
export function passesEdge(plan: FilterPlan, graph: string, edge: EdgeState): boolean {
  if (plan.maps !== undefined || plan.labels !== undefined || plan.events !== undefined)
    return false;
  if (plan.graphs?.has(graph) === false || plan.kinds?.has("edge.add") === false) return false;
  if (plan.types?.has(edge.type) === false) return false;
  const { keyPrefix } = plan;
  if (keyPrefix === undefined) return true;
  return beginsWith(edge.from, keyPrefix) || beginsWith(edge.to, keyPrefix);
}

function beginsWith(key: string, prefix: Uint8Array): boolean {
  const bytes = wtf8Bytes(key);
  const end = Math.min(prefix.length, bytes.length);
  return compareBytes(bytes, 0, end, prefix, 0, prefix.length) === 0;
}

function names(field: string, value: unknown, unitsMin: number): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) {
    throw new TypeError(`changes: filter.${field} must be an array of strings`);
  }
  for (let i = 0; i < value.length; i++) {
    const name: unknown = value[i];
    if (typeof name !== "string") {
      throw new TypeError(`changes: filter.${field}[${i}] must be a string, not ${typeof name}`);
    }
    if (name.length < unitsMin || wtf8Length(name) > limits.keyBytesMax) {
      throw new RangeError(
        `changes: filter.${field}[${i}] must have ${unitsMin} to ${limits.keyBytesMax} bytes, ` +
          `not ${wtf8Length(name)}`,
      );
    }
  }
  return new Set(value as string[]);
}

function prefix(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") {
    throw new TypeError(`changes: filter.keyPrefix must be a string, not ${typeof value}`);
  }
  if (wtf8Length(value) > limits.keyBytesMax) {
    throw new RangeError(
      `changes: filter.keyPrefix must have at most ${limits.keyBytesMax} bytes, not ${wtf8Length(value)}`,
    );
  }
  return wtf8Bytes(value);
}
