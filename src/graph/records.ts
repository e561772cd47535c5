// Makes the records of nodes and edges as of an LSN out of the trees and the log.

import { VarveError } from "../codec/errors.ts";
import { versionPropsInLog } from "../index/node-versions.ts";
import { malformed } from "../log/event-finder.ts";
import { RECORD } from "../log/event-format.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import type { EventReader } from "../log/event-reader.ts";
import type { NameTable } from "../log/name-table.ts";
import { setProp } from "../log/prop-shapes.ts";
import { type Props, readProps, skipProps } from "../log/props-codec.ts";
import type { ReadSource } from "./read-source.ts";

/** A node record before a schema gives it its type. */
export interface PlainNode {
  key: string;
  id: number;
  labels: string[];
  props: Props;
  lsn: number;
}

/** An edge record before a schema gives it its type. */
export interface PlainEdge {
  id: number;
  from: string;
  type: string;
  to: string;
  props: Props;
  lsn: number;
}

/** The node with an id as of an LSN. @param key where the caller knows it, else undefined. */
export function readNode(
  source: ReadSource,
  id: number,
  key: string | undefined,
  lsn: number,
): PlainNode | undefined {
  const { nodes } = source.index;
  if (!nodes.findLive(id, lsn)) return undefined;
  const { foundLsn, foundFlags } = nodes;
  const { names } = source;
  const text = key ?? source.index.keyOfFound(id);
  const reader = nodes.open();
  const labels: string[] = [];
  for (let label = reader.varint(); label !== 0; label = reader.varint()) {
    labels.push(nameOf(names, label));
  }
  const props =
    (foundFlags & versionPropsInLog) === 0
      ? readProps(reader, names)
      : readLoggedProps(source.events, names, foundLsn);
  return { key: text, id, labels, props, lsn: foundLsn };
}

/** The edge with an id as of an LSN. @param graph the number of the graph that it has to be in; undefined for any. */
export function readEdge(
  source: ReadSource,
  id: number,
  lsn: number,
  graph: number | undefined,
): PlainEdge | undefined {
  if (!(id >= 1 && id <= lsn) || !Number.isSafeInteger(id)) return undefined;
  const version = edgeVersionLsn(source, id, lsn);
  if (version === 0) return undefined;
  const event = source.events.find(id);
  if (event === undefined || !addsEdges(event)) return undefined;
  if (graph !== undefined && event.family !== graph) return undefined;
  const from = keyOf(source, sourceOf(event, id));
  const to = keyOf(source, targetOf(event, id));
  const type = nameOf(source.names, event.type);
  const props =
    version === id
      ? addedProps(event, source.names)
      : readLoggedProps(source.events, source.names, version);
  return { id, from, type, to, props, lsn: version };
}

/** The LSN of an edge's newest version as of an LSN: its id where it was never patched, 0 where it is removed. */
export function edgeVersionLsn(source: ReadSource, id: number, lsn: number): number {
  const { edges } = source.index;
  if (!edges.find(id, lsn)) return id;
  return edges.foundIsRemoval ? 0 : edges.foundLsn;
}

/** Whether an event adds one edge or more. */
export function addsEdges(event: EventReader): boolean {
  return event.tag === RECORD.edgeAdd || event.tag === RECORD.edgeRun;
}

/** The source of edge `id`, which the record holds. */
export function sourceOf(event: EventReader, id: number): number {
  return event.tag === RECORD.edgeAdd
    ? event.from
    : u32At(event.bytes, event.runFrom + (id - event.lsn) * 4);
}

/** The target of edge `id`, which the record holds. */
export function targetOf(event: EventReader, id: number): number {
  return event.tag === RECORD.edgeAdd
    ? event.to
    : u32At(event.bytes, event.runFrom + (event.eventCount + id - event.lsn) * 4);
}

/** The props with which the event added its edge. */
export function addedProps(event: EventReader, names: NameTable): Props {
  if (event.tag === RECORD.edgeRun) return {};
  event.body.position = event.propsFrom;
  try {
    return readProps(event.body, names);
  } catch (error) {
    throw malformed(error, { lsn: event.lsn });
  }
}

/** The props as the event at `lsn` left them: from there back to the last full state, then the patches laid over it. */
export function readLoggedProps(events: EventLookup, names: NameTable, lsn: number): Props {
  try {
    return patchedProps(events, names, lsn);
  } catch (error) {
    throw malformed(error, { lsn });
  }
}

function patchedProps(events: EventLookup, names: NameTable, lsn: number): Props {
  const patches: Props[] = [];
  for (let at = lsn; ; ) {
    const event = events.find(at);
    if (event === undefined) throw missingEvent(at);
    const { body } = event;
    switch (event.tag) {
      case RECORD.edgeAdd:
      case RECORD.edgeRun:
        return layOver(addedProps(event, names), patches);
      case RECORD.nodePut:
        body.position = event.labelsFrom;
        while (body.varint() !== 0);
        return layOver(readProps(body, names), patches);
      case RECORD.nodePatch:
      case RECORD.edgePatch:
        body.position = event.propsFrom;
        if (event.hasImage) {
          skipProps(body);
          if (event.tag === RECORD.nodePatch) while (body.varint() !== 0);
          return layOver(readProps(body, names), patches);
        }
        patches.push(readProps(body, names));
        at = event.previousLsn;
        break;
      default:
        throw event.tag === RECORD.gap ? erasedEvent(at) : missingEvent(at);
    }
  }
}

/** Lays patches, the newest first, over props: sets what they say and takes away what they say is null. */
function layOver(props: Props, patches: readonly Props[]): Props {
  for (let i = patches.length - 1; i >= 0; i--) applyPatch(props, patches[i]!);
  return props;
}

/** Lays one patch over props, in place; undefined says nothing. */
export function applyPatch(props: Props, patch: Readonly<Props>): void {
  for (const name of Object.keys(patch)) {
    const value = patch[name];
    if (value === undefined) continue;
    if (value === null) delete props[name];
    else setProp(props, name, value);
  }
}

/** The key behind an id that some record names. */
export function keyOf(source: ReadSource, id: number): string {
  const key = source.index.keyOf(id);
  if (key === undefined) {
    throw new VarveError("CORRUPT", `no key for node ${id}`, { details: { node: id } });
  }
  return key;
}

/** The name behind a number that some record names. */
export function nameOf(names: NameTable, id: number): string {
  const name = names.nameOf(id);
  if (name === undefined) {
    throw new VarveError("CORRUPT", `no name for number ${id}`, { details: { name: id } });
  }
  return name;
}

/** Only a view of before it was erased, in a process that does not know of it yet, asks for that. */
function erasedEvent(lsn: number): VarveError {
  return new VarveError("HISTORY_COMPACTED", `what LSN ${lsn} holds was erased`, {
    details: { lsn },
  });
}

function missingEvent(lsn: number): VarveError {
  return new VarveError("CORRUPT", `the log has no such record at LSN ${lsn}`, {
    details: { lsn },
  });
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
