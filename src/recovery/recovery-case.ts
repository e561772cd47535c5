// The decision table of recovery: what was found where a segment's frames end, and what that means. Pure.

/** How the scan of a segment's frames came to its end. */
export type ScanEnd =
  /** Where the manifest says that a segment that is no longer active ends. */
  | "sealed-end"
  /** Zeros, or the end of the file, on a frame boundary. */
  | "blank"
  /** A sound footer behind the last frame of a segment that the manifest still calls active. */
  | "footer"
  /** Bytes that are no frame. */
  | "damaged"
  /** A sound frame that does not belong here: its LSN or its chain says so. */
  | "misplaced";

/** What lies behind the end, up to the end of the file. */
export type Behind =
  | "nothing"
  /** Bytes that are not zero, and no sound frame among them. */
  | "bytes"
  /** Sound frames, none of which knew the missing part to be durable when it was written. */
  | "frames"
  /** A sound frame whose stamp says that the missing part was durable. */
  | "witness";

export interface TailFindings {
  /** Whether the manifest still calls the segment active. */
  readonly active: boolean;
  readonly end: ScanEnd;
  readonly behind: Behind;
  /** Whether the end lies below what is proven durable: the watermark or a clean mark is above it. */
  readonly belowProven: boolean;
  /** Whether the last transaction misses its last frame. */
  readonly transactionOpen: boolean;
}

export type RecoveryCase =
  | "R0-whole"
  | "R1-damage-below-proven"
  | "R2-torn-tail"
  | "R3-torn-window"
  | "R4-damage-with-witness"
  | "R5-sealed-damage"
  | "R8-torn-transaction";

export type RecoveryAction =
  /** The log ends here; nothing is amiss. */
  | "accept"
  /** Cut the log here: what goes was never acknowledged as durable. */
  | "cut"
  /** Acknowledged data is damaged: refuse to open, change nothing. */
  | "refuse";

export interface RecoveryDecision {
  readonly label: RecoveryCase;
  readonly action: RecoveryAction;
}

/** What is known of how far the log was durable, besides its frames. */
export interface DurableWitnesses {
  /** Of the watermark; 0 where there is none. */
  readonly markLsn: number;
  /** Whether the frame that the watermark names was met, or lies before what was read. */
  readonly markSeen: boolean;
  /** Highest LSN that a checkpoint named by the manifest was made at, whether its file can be read or not; or 0. */
  readonly checkpointLsn: number;
}

/** Whether a log whose last good frame ends at `lastLsn` has lost something that was durable. */
export function isBelowProven(lastLsn: number, proof: DurableWitnesses): boolean {
  return proof.markLsn > lastLsn || !proof.markSeen || proof.checkpointLsn > lastLsn;
}

/**
 * Decides what the end of a segment means. The order of the rows matters: every reason to refuse
 * comes before the first that allows a cut.
 *
 * The limit of any single copy: damage to the very last group before an unclean stop, with no
 * watermark that knows of it, looks like a torn tail and is cut.
 */
export function decideTail(found: TailFindings): RecoveryDecision {
  // R5: a sealed segment was synced whole before the manifest said so; anything else is damage.
  if (!found.active && (found.end !== "sealed-end" || found.transactionOpen)) {
    return { label: "R5-sealed-damage", action: "refuse" };
  }
  // R1: the watermark, or a clean close, proves that more was durable than can be read.
  if (found.belowProven) return { label: "R1-damage-below-proven", action: "refuse" };
  // R4: a later frame proves the same.
  if (found.active && found.behind === "witness") {
    return { label: "R4-damage-with-witness", action: "refuse" };
  }
  // R8: a transaction without its end goes whole.
  if (found.transactionOpen) return { label: "R8-torn-transaction", action: "cut" };
  // R3: pages of one unsynced group reached the disk out of order; none of it was acknowledged.
  if (found.active && found.behind === "frames") return { label: "R3-torn-window", action: "cut" };
  // R2: the usual torn tail. A sealed end has only its footer behind it.
  const torn = found.end === "damaged" || found.end === "misplaced" || found.behind === "bytes";
  if (found.active && torn && found.end !== "footer")
    return { label: "R2-torn-tail", action: "cut" };
  return { label: "R0-whole", action: "accept" };
}
