// Applies the events of maps, and of graphs and maps that are dropped, to the trees, and takes them back. A map's entries are in the
// keys' tree; what was put is in the log, at the entry's LSN.

import { MalformedBytes } from "../codec/bytes.ts";
import { RECORD } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";
import { NAME_KIND } from "../log/name-table.ts";
import type { Families, Family } from "./families.ts";
import type { StoredKey } from "./family-key.ts";
import { hashOf } from "./key-bytes.ts";
import { type KeyLayers, keyRemoved } from "./key-layers.ts";

/** What an entry has in the place of a node's id. */
const entryId = 1;

/** What the events of maps change. */
export interface MapTrees {
  readonly keys: KeyLayers;
  readonly families: Families;
  /** As in the trees: up to there events may be left over of what compaction has dropped. */
  readonly compactedTo: number;
}

export function applyEntry(
  trees: MapTrees,
  map: Family,
  reader: EventReader,
  key: StoredKey,
): void {
  const { lsn } = reader;
  const isThere = hasEntry(trees, key, lsn - 1);
  const isPut = reader.tag === RECORD.mapPut;
  if (!isPut && !isThere && lsn > trees.compactedTo) {
    throw new MalformedBytes(`no entry to delete from map ${map.number} at LSN ${lsn}`);
  }
  trees.keys.insert(key.bytes, key.from, key.to, lsn, entryId, isPut ? 0 : keyRemoved);
  if (isPut !== isThere) map.nodes += isPut ? 1 : -1;
}

export function undoEntry(trees: MapTrees, map: Family, reader: EventReader, key: StoredKey): void {
  const { lsn } = reader;
  const isPut = reader.tag === RECORD.mapPut;
  trees.keys.remove(key.bytes, key.from, key.to, lsn);
  if (isPut !== hasEntry(trees, key, lsn - 1)) map.nodes += isPut ? -1 : 1;
}

/** Everything in a graph or a map is gone from here on; what is in the trees is no longer found. */
export function applyDrop({ families }: MapTrees, reader: EventReader): void {
  const { lsn, family: number, tag } = reader;
  const kind = tag === RECORD.graphDrop ? NAME_KIND.graph : NAME_KIND.map;
  const family = families.begin(number, kind, lsn);
  if (family.kind !== kind || family.droppedLsn < lsn) {
    throw new MalformedBytes(`family ${number} is dropped at LSN ${lsn} and is not there`);
  }
  family.droppedLsn = lsn;
}

export function undoDrop({ families }: MapTrees, reader: EventReader): void {
  const family = families.get(reader.family);
  if (family?.droppedLsn === reader.lsn) family.droppedLsn = Number.POSITIVE_INFINITY;
  families.undo(reader.family, reader.lsn);
}

function hasEntry({ keys }: MapTrees, { bytes, from, to }: StoredKey, lsn: number): boolean {
  return keys.find(bytes, from, to, lsn, hashOf(bytes, from, to)) && keys.foundFlags !== keyRemoved;
}
