// The rules of compaction: what must stay of one event, given the horizon and what the index has as of it. Pure.

/** What an event does, as far as the rules care. */
export type EventRole =
  /** A put or a patch of a node: with all that came before it, the node's state. */
  | "node state"
  | "node removal"
  /** The event whose LSN is the edge's id. */
  | "edge addition"
  | "edge patch"
  | "edge removal"
  /** A put into a map: an entry, whole by itself. */
  | "entry put"
  | "entry removal"
  /** The end of a graph or map: without it all that is left of it would be there again. */
  | "drop"
  | "user event";

/** What is known of an event and of the thing that it changes. */
export interface EventFindings {
  readonly role: EventRole;
  readonly lsn: number;
  /** States at or above this LSN, and changes above it, stay as they are. */
  readonly horizon: number;
  /**
   * LSN of the newest version of the thing at or below the horizon: of a node its last put, patch or removal, of an edge its
   * last patch or removal. 0 where there is none: the node is gone for long; the edge is as it was added, or gone for long.
   */
  readonly newestLsn: number;
  readonly newestIsRemoval: boolean;
  /**
   * Whether the event at `newestLsn` says everything by itself, or will once what is being rewritten is installed: then nothing
   * needs what came before it.
   */
  readonly newestIsWhole: boolean;
  /**
   * Whether the event at `newestLsn` has the whole state in it, though not that there is such a thing: a put, or a patch with an image.
   * What makes the thing has to stay, bare; nothing needs what else came before it.
   */
  readonly newestIsFull: boolean;
  /** Whether the event makes a node. */
  readonly creates: boolean;
  /** Whether no event of the thing before this one is left, or will be. */
  readonly earlierAreGone: boolean;
  /** Whether the thing was erased: its events go, whatever the horizon. */
  readonly isErased: boolean;
}

export type Verdict =
  /** It stays as it is. */
  | "keep"
  /** It becomes a gap. */
  | "drop"
  /** It stays with everything that came before it: a put that creates the node, a patch with a full image. */
  | "fold"
  /** What makes a thing stays at its LSN, which is an edge's id, without the state that a later event has. */
  | "strip"
  /** It becomes a gap that feeds go on telling of. */
  | "erase";

/**
 * What becomes of one event. Two things hold of whatever subset of segments is rewritten, in whatever order: the newest event
 * of a live thing at or below the horizon is kept with all that it builds on, or says everything by itself; and no removal
 * goes before what it removes.
 */
export function keepOrDrop(found: EventFindings): Verdict {
  if (found.isErased) return isRemoval(found) && !found.earlierAreGone ? "keep" : "erase";
  if (found.lsn > found.horizon) return "keep";
  switch (found.role) {
    case "user event":
      return "drop";
    case "node state":
      // A live node has a version: where there is none, the node was removed and its versions are gone.
      return found.newestLsn === 0 ? "drop" : ofState(found);
    case "edge patch":
      return found.newestLsn === 0 ? "drop" : ofState(found);
    case "edge addition":
      return ofAddition(found);
    case "entry put":
      return found.newestLsn === found.lsn ? "keep" : "drop";
    case "entry removal":
      // A later put says enough; without one the removal goes as that of a node.
      return found.newestLsn > found.lsn ? "drop" : ofRemoval(found);
    case "drop":
      return "keep";
    default:
      return ofRemoval(found);
  }
}

function isRemoval({ role }: EventFindings): boolean {
  return role === "node removal" || role === "edge removal" || role === "entry removal";
}

function ofState(found: EventFindings): Verdict {
  const { lsn, newestLsn, newestIsRemoval, newestIsWhole, newestIsFull, creates } = found;
  if (newestLsn === lsn) return "fold";
  if (newestLsn < lsn) return "keep";
  if (newestIsRemoval || newestIsWhole) return "drop";
  if (!newestIsFull) return "keep";
  return creates ? "strip" : "drop";
}

function ofAddition(found: EventFindings): Verdict {
  const { newestLsn, newestIsRemoval, newestIsWhole, newestIsFull } = found;
  if (newestLsn === 0) return "keep";
  if (newestIsRemoval) return "drop";
  return newestIsWhole || newestIsFull ? "strip" : "keep";
}

function ofRemoval({ lsn, newestLsn, newestIsRemoval, earlierAreGone }: EventFindings): Verdict {
  // What is removed is never live again; where the index says otherwise, nothing is touched.
  const isKnown = newestLsn === 0 || (newestLsn === lsn && newestIsRemoval);
  return isKnown && earlierAreGone ? "drop" : "keep";
}
