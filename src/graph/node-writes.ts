// The write operations on nodes, over a transaction whose handle has been checked: argument checks, then events.

import { ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { EdgeColumns } from "../index/edge-columns.ts";
import { mergeLabels } from "../index/merge-props.ts";
import { versionDepthShift } from "../index/node-versions.ts";
import { nodesOfKey } from "../index/version-list.ts";
import { patchImageEvery } from "../log/event-format.ts";
import { readNameIds } from "../log/props-codec.ts";
import { checkName, checkNames, checkOptions, checkProps, describe } from "./arguments.ts";
import type { ReadSource } from "./read-source.ts";
import { applyPatch, readNode } from "./records.ts";
import type { TransactionCore } from "./transaction-core.ts";

const putOptions: readonly string[] = ["labels", "props"];
const patchOptions: readonly string[] = ["props", "addLabels", "removeLabels"];

const image = new ByteWriter(512);
/** Of the node that is being removed; a removal runs to its end before another begins. */
const edgesOfNode = new EdgeColumns(16);
/** Edge events written between two looks at the size of the transaction. */
const edgesPerCheck = 1024;

export function putNode(core: TransactionCore, key: string, options: unknown): number {
  const method = "putNode";
  checkName(method, "key", key);
  const given = checkOptions(method, options, putOptions);
  const labels = checkNames(method, "labels", given["labels"]);
  const props = checkProps(method, "props", given["props"]);
  core.startOperation();
  try {
    const id = putOne(core, method, key, labelIds(core, method, labels), props);
    core.endOperation(method);
    return id;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function putNodes(core: TransactionCore, keys: unknown, options: unknown): Uint32Array {
  const method = "putNodes";
  if (!Array.isArray(keys)) {
    throw new TypeError(`${method}: keys must be an array of strings, got ${describe(keys)}`);
  }
  const given = checkOptions(method, options, putOptions);
  const labels = checkNames(method, "labels", given["labels"]);
  const list = checkPropsList(method, given["props"], keys.length);
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] !== "string" || keys[i].length === 0 || keys[i].length > 341) {
      checkName(method, `keys[${i}]`, keys[i]);
    }
    if (list !== undefined) checkProps(method, `props[${i}]`, list[i]);
  }
  core.startOperation();
  try {
    const ids = new Uint32Array(keys.length);
    const numbers = labelIds(core, method, labels);
    for (let i = 0; i < ids.length; i++) {
      ids[i] = putOne(core, method, keys[i] as string, numbers, list?.[i]);
      core.checkBytes(method, 0);
    }
    core.endOperation(method);
    return ids;
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function patchNode(
  core: TransactionCore,
  source: ReadSource,
  key: string,
  patch: unknown,
): void {
  const method = "patchNode";
  checkName(method, "key", key);
  if (patch === undefined) {
    throw new TypeError(`${method}: patch must be an object, got undefined`);
  }
  const given = checkOptions(method, patch, patchOptions);
  const addLabels = checkNames(method, "addLabels", given["addLabels"]);
  const removeLabels = checkNames(method, "removeLabels", given["removeLabels"]);
  const props = checkProps(method, "props", given["props"]);
  for (const label of addLabels) {
    if (removeLabels.includes(label)) {
      throw new RangeError(`${method}: addLabels and removeLabels both have ${describe(label)}`);
    }
  }
  core.settle();
  const { nodes } = core.index;
  const lsn = core.batch.lastLsn;
  const id = core.nodeIdOf(key);
  if (id === 0 || !nodes.findLive(id, lsn)) {
    throw new VarveError("NODE_NOT_FOUND", `${method}: there is no node with this key`, {
      details: { key },
    });
  }
  const previousLsn = nodes.foundLsn;
  const depth = (nodes.foundFlags >>> versionDepthShift) + 1;
  core.startOperation();
  try {
    const added = labelIds(core, method, addLabels);
    const removed = knownIds(core, removeLabels);
    const hasImage = depth >= patchImageEvery;
    const labels =
      hasImage || added.length > 0 ? mergeLabels(labelsOf(core, id), added, removed) : noIds;
    checkLabelCount(method, labels.length);
    const full = hasImage ? writeImage(core, source, id, lsn, labels, props) : undefined;
    core.batch.nodePatch(core.graph, id, previousLsn, added, removed, props, full);
    core.endOperation(method);
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

export function removeNode(core: TransactionCore, key: string): boolean {
  const method = "removeNode";
  checkName(method, "key", key);
  core.settle();
  const id = core.nodeIdOf(key);
  if (id === 0) return false;
  core.startOperation();
  try {
    removeEdgesOf(core, method, id);
    core.batch.nodeRemove(core.graph, id, key, labelsOf(core, id));
    core.endOperation(method);
  } catch (error) {
    core.failOperation();
    throw error;
  }
  // At once, so that nobody takes the id from the cache of keys for that of a live node.
  core.settle();
  return true;
}

/** What a transaction has to keep in mind of nodes that are to be erased. */
export interface ErasureNotes {
  /** Whether that a node is to go is stored already. */
  isPending(id: number): boolean;
  /** @param lsn of the erasure: every event of the node is at or below it. */
  note(id: number, lsn: number): void;
}

/** As `removeNode`, and has every node that was ever known by the key taken from the files. Returns false where there is none. */
export function eraseNode(core: TransactionCore, key: string, erasures: ErasureNotes): boolean {
  const method = "erase";
  checkName(method, "key", key);
  const ids = idsOfKey(core, key);
  // Of those that wait already, nothing more can come.
  const more = ids.filter((id) => !erasures.isPending(id));
  if (more.length === 0) return ids.length > 0;
  if (!removeNode(core, key)) writeErased(core, method);
  for (const id of more) erasures.note(id, core.batch.lastLsn);
  return true;
}

/** The ids of all nodes known to have had a key, the one that has it included, own writes too. */
function idsOfKey(core: TransactionCore, key: string): readonly number[] {
  core.settle();
  return core.graphsOfName().flatMap((graph) => nodesOfKey(core.index, key, 1, graph));
}

/** An event that does nothing: each erasure has an LSN of its own, which tells it from those before. */
function writeErased(core: TransactionCore, method: string): void {
  core.startOperation();
  try {
    core.batch.erased();
    core.endOperation(method);
  } catch (error) {
    core.failOperation();
    throw error;
  }
}

function putOne(
  core: TransactionCore,
  method: string,
  key: string,
  labels: readonly number[],
  props: Readonly<Record<string, unknown>> | undefined,
): number {
  const id = core.nodeIdOf(key);
  if (id === 0) return core.createNode(method, key, labels, props);
  core.batch.nodePut(core.graph, id, undefined, labels, props);
  return id;
}

/** Writes a removal for every edge of a node; a self-loop is among those out. */
function removeEdgesOf(core: TransactionCore, method: string, id: number): void {
  const { batch, index } = core;
  const lsn = batch.lastLsn;
  const columns = edgesOfNode;
  columns.clear();
  index.outgoing.gather(id, 0, 0, lsn, true, columns);
  const outCount = columns.count;
  index.incoming.gather(id, 0, 0, lsn, true, columns);
  const { types, others, edges } = columns;
  const edge = { id: 0, type: 0, from: 0, to: 0 };
  for (let i = 0; i < columns.count; i++) {
    const other = others[i]!;
    const isOut = i < outCount;
    if (!isOut && other === id) continue;
    edge.id = edges[i]!;
    edge.type = types[i]!;
    edge.from = isOut ? id : other;
    edge.to = isOut ? other : id;
    batch.edgeRemove(core.graph, edge);
    if (i % edgesPerCheck === 0) core.checkBytes(method, 0);
  }
}

function labelsOf(core: TransactionCore, id: number): number[] {
  const { nodes } = core.index;
  return nodes.findLive(id, core.batch.lastLsn) ? readNameIds(nodes.open()) : [];
}

/** The whole record after a patch: labels, then props. */
function writeImage(
  core: TransactionCore,
  source: ReadSource,
  id: number,
  lsn: number,
  labels: readonly number[],
  patch: Readonly<Record<string, unknown>> | undefined,
): Uint8Array {
  const props = readNode(source, id, undefined, lsn)?.props ?? {};
  if (patch !== undefined) applyPatch(props, patch);
  image.reset();
  for (const label of labels) image.varint(label);
  image.u8(0);
  core.batch.propsTo(image, props);
  return image.view(0, image.position);
}

/** The numbers of labels, each once, new ones defined. */
function labelIds(
  core: TransactionCore,
  method: string,
  labels: readonly string[],
): readonly number[] {
  if (labels.length === 0) return noIds;
  const ids: number[] = [];
  for (const label of labels) {
    const id = core.labelId(label);
    if (ids.includes(id)) continue;
    ids.push(id);
    checkLabelCount(method, ids.length);
  }
  return ids;
}

/** Throws LIMIT_EXCEEDED where a node would have too many labels. */
function checkLabelCount(method: string, count: number): void {
  const max = limits.labelsPerNodeMax;
  if (count <= max) return;
  throw new VarveError("LIMIT_EXCEEDED", `${method}: the node would have more than ${max} labels`, {
    details: { limit: "labelsPerNodeMax", max },
  });
}

/** The numbers of labels that are known at all. */
function knownIds(core: TransactionCore, labels: readonly string[]): readonly number[] {
  const ids: number[] = [];
  for (const label of labels) {
    const id = core.names.labelOf(core.graph, label);
    if (id !== 0 && !ids.includes(id)) ids.push(id);
  }
  return ids;
}

const noIds: readonly number[] = Object.freeze([]);

/** One object or undefined for each of `count` elements, or undefined for all; the elements are checked by the caller. */
export function checkPropsList(
  method: string,
  list: unknown,
  count: number,
): readonly (Readonly<Record<string, unknown>> | undefined)[] | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) {
    throw new TypeError(`${method}: props must be an array of objects, got ${describe(list)}`);
  }
  if (list.length !== count) {
    throw new RangeError(`${method}: props must have ${count} elements, got ${list.length}`);
  }
  return list as readonly (Readonly<Record<string, unknown>> | undefined)[];
}
