// How projections are stored: one value of system state for each, and one for each entry of its map.
import { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { readValue, writeValue } from "../codec/values.ts";
import { groupEnd, type SystemState } from "./system-values.ts";

/** A projection as it is stored, but for the entries of its map. */
export interface StoredProjection {
  readonly version: number;
  /** Which entries are its own: a projection that starts over gets another. */
  readonly id: number;
  /** Everything up to this LSN has been applied. */
  readonly lsn: number;
  /** The feed that it was made from: filter and more, as text. */
  readonly feed: string;
  /** Encoded. */
  readonly state: Uint8Array;
}

const group = "projection";
const outGroup = "projection.out ";

export function projectionStateName(name: string): string {
  return group + groupEnd + name;
}

export function outGroupOf(id: number): string {
  return outGroup + id;
}

export function outStateName(id: number, key: string): string {
  return outGroupOf(id) + groupEnd + key;
}

export function storedProjections(state: SystemState): ReadonlyMap<string, StoredProjection> {
  return state.group(group) as ReadonlyMap<string, StoredProjection>;
}

/** Ids whose entries are there, whether their projection still is or not. */
export function* outIds(state: SystemState): IterableIterator<number> {
  for (const name of state.groups()) {
    if (name.startsWith(outGroup)) yield Number(name.slice(outGroup.length));
  }
}

/** Throws where the state cannot be stored. */
export function encodeState(state: unknown): Uint8Array {
  const writer = new ByteWriter(1024);
  writeValue(writer, state, "project: state");
  const max = limits.projectionStateBytesMax;
  if (writer.position <= max) return writer.view(0, writer.position).slice();
  throw new VarveError(
    "LIMIT_EXCEEDED",
    `project: the state has ${writer.position} bytes, at most ${max} fit`,
    { details: { limit: "projectionStateBytesMax", max, bytes: writer.position } },
  );
}

export function decodeState(bytes: Uint8Array): unknown {
  const reader = new ByteReader();
  reader.open(bytes, 0, bytes.length);
  return readValue(reader);
}
