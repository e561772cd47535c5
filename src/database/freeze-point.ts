// What everything besides the trees was when the index was frozen: the rest of what a checkpoint holds.
import { ByteWriter } from "../codec/bytes.ts";
import { writeValue } from "../codec/values.ts";
import type { Family } from "../index/families.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { FrameMark } from "../log/group.ts";
import type { LogPosition } from "../log/log-position.ts";
import type { NameTable, ScopedName } from "../log/name-table.ts";
import { type CountAnchors, countAnchorsName } from "./count-anchors.ts";
import type { SystemState } from "./system-values.ts";

export interface FreezePoint {
  /** Where the replay behind it begins: a mark that the log was given, or the place that a checkpoint was loaded with. */
  readonly mark?: FrameMark | undefined;
  readonly position?: LogPosition | undefined;
  /** Last LSN in the frozen layer, or below it. */
  readonly lsn: number;
  readonly nextNodeId: number;
  readonly nodeCount: number;
  readonly edgeCount: number;
  readonly names: readonly string[];
  readonly scopedNames: readonly ScopedName[];
  readonly families: readonly Family[];
  readonly states: readonly (readonly [string, unknown])[];
}

/** Takes note of everything as it is in this turn; values of the system state are never changed in place. */
export function freezePoint(
  lsn: number,
  index: GraphIndex,
  names: NameTable,
  state: SystemState,
  anchors: CountAnchors,
  place: Pick<FreezePoint, "mark" | "position"> = {},
): FreezePoint {
  const { nextNodeId, nodeCount, edgeCount } = index;
  return {
    ...place,
    lsn,
    nextNodeId,
    nodeCount,
    edgeCount,
    names: names.all(),
    scopedNames: names.scoped(),
    families: index.families.copies(),
    states: [...state.entries(), [countAnchorsName, anchors.encode()]],
  };
}

/** The system state as a checkpoint holds it. */
export function encodedStates({ states }: FreezePoint): [string, Uint8Array][] {
  const writer = new ByteWriter(256);
  return states.map(([name, value]) => {
    writer.reset();
    writeValue(writer, value);
    return [name, writer.bytes.slice(0, writer.position)];
  });
}
