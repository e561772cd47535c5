// Judges encoded records by the numbers in them, before any value is decoded or any string is made.
import type { ByteReader } from "../codec/bytes.ts";
import { compareBytes } from "../codec/text.ts";
import type { GraphTrees } from "../index/graph-trees.ts";
import { defaultFamily, nodePutCreates, RECORD, systemTagMin } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";
import { NAME_KIND, type NameKind, type NameTable } from "../log/name-table.ts";
import type { FilterPlan } from "./filter-plan.ts";

const kindOfTag: readonly (readonly [tag: number, kind: string])[] = [
  [RECORD.nodePut, "node.put"],
  [RECORD.nodePatch, "node.patch"],
  [RECORD.nodeRemove, "node.remove"],
  [RECORD.edgeAdd, "edge.add"],
  [RECORD.edgeRun, "edge.add"],
  [RECORD.edgePatch, "edge.patch"],
  [RECORD.edgeRemove, "edge.remove"],
  [RECORD.userEvent, "event"],
  [RECORD.mapPut, "map.put"],
  [RECORD.mapDelete, "map.delete"],
  [RECORD.graphDrop, "graph.drop"],
  [RECORD.mapDrop, "map.drop"],
  [RECORD.gap, "erased"],
];

export class RecordFilter {
  readonly #plan: FilterPlan;
  readonly #index: GraphTrees;
  readonly #names: NameTable;
  /** By tag: 1 where its kind can match at all. */
  readonly #tags: Uint8Array = new Uint8Array(systemTagMin);
  #labels: ReadonlySet<number> = new Set();
  #types: ReadonlySet<number> = new Set();
  #events: ReadonlySet<number> = new Set();

  constructor(plan: FilterPlan, index: GraphTrees, names: NameTable) {
    this.#plan = plan;
    this.#index = index;
    this.#names = names;
    for (const [tag, kind] of kindOfTag) this.#tags[tag] = canMatch(plan, kind) ? 1 : 0;
  }

  /** Families that the filter lets through; undefined for all. */
  #graphs: ReadonlySet<number> | undefined;
  #maps: ReadonlySet<number> | undefined;

  /** Looks the names up again: one may have been used for the first time since, or taken back. */
  resolve(): void {
    const { graphs, maps, labels, types, events } = this.#plan;
    this.#graphs = graphs && familiesOf(this.#names, NAME_KIND.graph, graphs);
    this.#maps = maps && familiesOf(this.#names, NAME_KIND.map, maps);
    if (labels !== undefined) this.#labels = labelsOf(this.#names, labels);
    if (types !== undefined) this.#types = numbersOf(this.#names, types);
    if (events !== undefined) this.#events = numbersOf(this.#names, events);
  }

  /** Whether records with this tag need a closer look. */
  wantsTag(tag: number): boolean {
    return tag < systemTagMin && this.#tags[tag] === 1;
  }

  /** Whether the record that the reader stands on matches; of an edge run, but for its ends. */
  matches(reader: EventReader): boolean {
    switch (reader.tag) {
      case RECORD.gap:
        return true;
      case RECORD.mapPut:
      case RECORD.mapDelete:
        return this.#maps?.has(reader.family) !== false && this.#matchesEntry(reader);
      case RECORD.mapDrop:
        return this.#maps?.has(reader.family) !== false;
      default:
        return this.#graphs?.has(reader.family) !== false && this.#matchesInGraph(reader);
    }
  }

  #matchesInGraph(reader: EventReader): boolean {
    switch (reader.tag) {
      case RECORD.graphDrop:
        return true;
      case RECORD.userEvent:
        return this.#plan.events === undefined || this.#events.has(reader.nameId);
      case RECORD.edgeRun:
        return this.#plan.types === undefined || this.#types.has(reader.type);
      case RECORD.nodePut:
      case RECORD.nodePatch:
      case RECORD.nodeRemove:
        return this.matchesKey(reader.id) && this.#matchesLabels(reader);
      default:
        if (this.#plan.types !== undefined && !this.#types.has(reader.type)) return false;
        return this.matchesEnds(reader.from, reader.to);
    }
  }

  matchesEnds(from: number, to: number): boolean {
    return this.matchesKey(from) || this.matchesKey(to);
  }

  matchesKey(id: number): boolean {
    const { keyPrefix } = this.#plan;
    if (keyPrefix === undefined) return true;
    const key = this.#index.openKey(id);
    if (key === undefined) return false;
    return beginsWith(key.bytes, key.position, key.end, keyPrefix);
  }

  #matchesEntry({ bytes, keyFrom, keyTo }: EventReader): boolean {
    const { keyPrefix } = this.#plan;
    return keyPrefix === undefined || beginsWith(bytes, keyFrom, keyTo, keyPrefix);
  }

  #matchesLabels(reader: EventReader): boolean {
    if (this.#plan.labels === undefined) return true;
    const { body, tag, id, lsn } = reader;
    // A put's labels are those after it, a removal's those before; a patch names those it adds first.
    body.position = reader.labelsFrom;
    if (this.#hasLabel(body)) return true;
    if (tag === RECORD.nodeRemove || (reader.flags & nodePutCreates) !== 0) return false;
    const { nodes } = this.#index;
    return nodes.findLive(id, lsn - 1) && this.#hasLabel(nodes.open());
  }

  #hasLabel(list: ByteReader): boolean {
    for (let label = list.varint(); label !== 0; label = list.varint()) {
      if (this.#labels.has(label)) return true;
    }
    return false;
  }
}

function canMatch(plan: FilterPlan, kind: string): boolean {
  const { graphs, maps, kinds, labels, types, events, keyPrefix } = plan;
  if (kinds?.has(kind) === false) return false;
  const isMap = kind.startsWith("map.");
  if (maps !== undefined && !isMap) return false;
  if (graphs !== undefined && (isMap || (kind === "erased" && !graphs.has("")))) return false;
  const isNode = kind.startsWith("node.");
  const isEdge = kind.startsWith("edge.");
  if (labels !== undefined && !isNode) return false;
  if (types !== undefined && !isEdge) return false;
  if (events !== undefined && kind !== "event") return false;
  return keyPrefix === undefined || isNode || isEdge || (isMap && kind !== "map.drop");
}

function beginsWith(bytes: Uint8Array, from: number, to: number, prefix: Uint8Array): boolean {
  const end = Math.min(from + prefix.length, to);
  return compareBytes(bytes, from, end, prefix, 0, prefix.length) === 0;
}

/** The number of every graph or map that has or had one of these names. */
function familiesOf(
  names: NameTable,
  kind: NameKind,
  wanted: ReadonlySet<string>,
): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const name of wanted) {
    if (name === "") numbers.add(defaultFamily);
    for (const number of names.numbersOf(kind, 0, name)) numbers.add(number);
  }
  return numbers;
}

/** The numbers of labels in all graphs. */
function labelsOf(names: NameTable, wanted: ReadonlySet<string>): ReadonlySet<number> {
  const numbers = new Set(numbersOf(names, wanted));
  for (const { number, kind } of names.scoped()) {
    if (kind === NAME_KIND.label && wanted.has(names.nameOf(number) as string)) numbers.add(number);
  }
  return numbers;
}

function numbersOf(names: NameTable, wanted: ReadonlySet<string>): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const name of wanted) {
    const number = names.idOf(name);
    if (number !== 0) numbers.add(number);
  }
  return numbers;
}
