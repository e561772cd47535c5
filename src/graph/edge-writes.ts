// The write operations on edges and the events of users' own, over a transaction whose handle has been checked.

import { ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { EdgeColumns } from "../index/edge-columns.ts";
import type { EdgeEnds } from "../log/edge-ends.ts";
import { patchImageEvery } from "../log/event-format.ts";
import { setProp } from "../log/prop-shapes.ts";
import { checkId, checkName, checkOptions, checkProps, describe } from "./arguments.ts";
import { checkPropsList } from "./node-writes.ts";
import type { ReadSource } from "./read-source.ts";
import {
  addsEdges,
  applyPatch,
  edgeVersionLsn,
  readLoggedProps,
  sourceOf,
  targetOf,
} from "./records.ts";
import type { TransactionCore } from "./transaction-core.ts";

type Props = Record<string, unknown>;

const addEdgesOptions: readonly string[] = ["type", "from", "to", "props"];
const bytesPerRunEdge = 8;
const edgesPerCheck = 1024;

const image = new ByteWriter(512);
const between = new EdgeColumns(16);

export function addEdge(
  core: TransactionCore,
  from: string,
  type: string,
  to: string,
  props: unknown,
): number {
  const method = "addEdge";
  checkName(method, "from", from);
  checkName(method, "type", type);
  checkName(method, "to", to);
  const checked = checkProps(method, "props", props);
  core.startOperation();
  try {
    const source = core.endNode(method, "from", from);
    const target = core.endNode(method, "to", to);
    const id = core.batch.edgeAdd(core.graph, core.nameId(type), source, target, checked);
    core.endOperation(method);
    return id;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function putEdge(
  core: TransactionCore,
  source: ReadSource,
  from: string,
  type: string,
  to: string,
  props: unknown,
): number {
  const method = "putEdge";
  checkName(method, "from", from);
  checkName(method, "type", type);
  checkName(method, "to", to);
  const checked = checkProps(method, "props", props);
  core.startOperation();
  try {
    const fromId = core.endNode(method, "from", from);
    const toId = core.endNode(method, "to", to);
    const typeId = core.nameId(type);
    const found = edgeBetween(core, method, fromId, typeId, toId);
    let id = found;
    if (found === 0) {
      id = core.batch.edgeAdd(core.graph, typeId, fromId, toId, checked);
    } else {
      const edge = { id: found, type: typeId, from: fromId, to: toId };
      replaceProps(core, source, edge, checked ?? {});
    }
    core.endOperation(method);
    return id;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function patchEdge(
  core: TransactionCore,
  source: ReadSource,
  id: number,
  patch: unknown,
): void {
  const method = "patchEdge";
  checkId(method, "id", id);
  const checked = checkProps(method, "props", patch);
  if (checked === undefined) {
    throw new TypeError(`${method}: props must be a plain object, got undefined`);
  }
  core.settle();
  const edge = findEdge(core, source, id);
  if (edge === undefined) {
    throw new VarveError("EDGE_NOT_FOUND", `${method}: there is no edge with id ${id}`, {
      details: { id },
    });
  }
  const version = edgeVersionLsn(source, id, core.batch.lastLsn);
  const depth = (version === id ? 0 : core.index.edges.foundDepth) + 1;
  core.startOperation();
  try {
    let full: Uint8Array | undefined;
    if (depth >= patchImageEvery) {
      const props = readLoggedProps(source.events, source.names, version);
      applyPatch(props, checked);
      full = writeImage(core, props);
    }
    core.batch.edgePatch(core.graph, edge, version, checked, full);
    core.endOperation(method);
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function removeEdge(core: TransactionCore, source: ReadSource, id: number): boolean {
  const method = "removeEdge";
  checkId(method, "id", id);
  core.settle();
  const edge = findEdge(core, source, id);
  if (edge === undefined) return false;
  core.startOperation();
  try {
    core.batch.edgeRemove(core.graph, edge);
    core.endOperation(method);
    return true;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function addEdges(core: TransactionCore, options: unknown): number {
  const method = "addEdges";
  if (options === undefined) {
    throw new TypeError(`${method}: options must be an object, got undefined`);
  }
  const given = checkOptions(method, options, addEdgesOptions);
  const type = checkName(method, "type", given["type"]);
  const from = checkIds(method, "from", given["from"]);
  const to = checkIds(method, "to", given["to"]);
  if (from.length !== to.length) {
    throw new RangeError(
      `${method}: from and to must have the same length, got ${from.length} and ${to.length}`,
    );
  }
  const list = checkPropsList(method, given["props"], from.length);
  for (let i = 0; list !== undefined && i < list.length; i++) {
    checkProps(method, `props[${i}]`, list[i]);
  }
  core.checkBytes(method, from.length * bytesPerRunEdge);
  core.settle();
  checkNodes(core, method, "from", from);
  checkNodes(core, method, "to", to);
  core.startOperation();
  try {
    const typeId = core.nameId(type);
    const first = core.batch.nextLsn;
    if (list === undefined) core.batch.edgeRun(core.graph, typeId, from, to);
    else addEach(core, method, typeId, from, to, list);
    core.endOperation(method);
    return first;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function emit(core: TransactionCore, name: string, value: unknown): void {
  const method = "emit";
  checkName(method, "name", name);
  core.startOperation();
  try {
    core.batch.userEvent(
      core.nameId(name),
      value === undefined ? null : value,
      core.graphToWrite(),
    );
    core.endOperation(method);
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

function addEach(
  core: TransactionCore,
  method: string,
  type: number,
  from: Uint32Array,
  to: Uint32Array,
  list: readonly (Readonly<Props> | undefined)[],
): void {
  for (let i = 0; i < from.length; i++) {
    core.batch.edgeAdd(core.graph, type, from[i]!, to[i]!, list[i]);
    if (i % edgesPerCheck === 0) core.checkBytes(method, 0);
  }
}

/** The one edge of a type between two nodes, or 0; several are a `CONFLICT`. */
function edgeBetween(
  core: TransactionCore,
  method: string,
  from: number,
  type: number,
  to: number,
): number {
  core.settle();
  between.count = 0;
  core.index.outgoing.gather(from, type, to, core.batch.lastLsn, true, between);
  if (between.count > 1) {
    throw new VarveError("CONFLICT", `${method}: there are ${between.count} such edges`, {
      retryable: false,
      details: { count: between.count },
    });
  }
  return between.count === 0 ? 0 : between.edges[0]!;
}

/**
 * Writes a patch after which an edge has exactly these props: it takes away what it had beside them, and carries the whole
 * state, which also keeps a null among them that a patch alone would read as a removal.
 */
function replaceProps(
  core: TransactionCore,
  source: ReadSource,
  edge: EdgeEnds,
  props: Readonly<Props>,
): void {
  const version = edgeVersionLsn(source, edge.id, core.batch.lastLsn);
  const patch: Props = {};
  for (const name of Object.keys(readLoggedProps(source.events, source.names, version))) {
    setProp(patch, name, null);
  }
  for (const name of Object.keys(props)) {
    const value = props[name];
    if (value !== undefined) setProp(patch, name, value);
  }
  core.batch.edgePatch(core.graph, edge, version, patch, writeImage(core, props));
}

function writeImage(core: TransactionCore, props: Readonly<Props>): Uint8Array {
  image.reset();
  core.batch.propsTo(image, props);
  return image.view(0, image.position);
}

/** The ends of a live edge. */
function findEdge(core: TransactionCore, source: ReadSource, id: number): EdgeEnds | undefined {
  const lsn = core.batch.lastLsn;
  if (!(id >= 1 && id <= lsn) || !Number.isSafeInteger(id)) return undefined;
  if (edgeVersionLsn(source, id, lsn) === 0) return undefined;
  const event = source.events.find(id);
  if (event === undefined || !addsEdges(event) || event.family !== core.graph) return undefined;
  return { id, type: event.type, from: sourceOf(event, id), to: targetOf(event, id) };
}

function checkIds(method: string, argument: string, ids: unknown): Uint32Array {
  if (ids instanceof Uint32Array) return ids;
  throw new TypeError(`${method}: ${argument} must be a Uint32Array, got ${describe(ids)}`);
}

function checkNodes(
  core: TransactionCore,
  method: string,
  argument: string,
  ids: Uint32Array,
): void {
  const { index, graph } = core;
  const { liveIds } = index;
  const isMixed = !index.families.isEmpty;
  for (let i = 0; i < ids.length; i++) {
    if (liveIds.has(ids[i]!) && (!isMixed || index.isIn(ids[i]!, graph))) continue;
    throw new VarveError("NODE_NOT_FOUND", `${method}: ${argument}[${i}] is no node's id`, {
      details: { id: ids[i] },
    });
  }
}
