// The errors of projections: which are worth another try, and what parks one.
import type { Change } from "../changes/change.ts";
import { VarveError } from "../codec/errors.ts";
import { describe } from "../graph/arguments.ts";

/** A full disk, a queue that is full, a write that failed: the next one may succeed. */
export function mayBeWrittenLater(error: unknown): boolean {
  const code = error instanceof VarveError ? error.code : "";
  return code === "DISK_FULL" || code === "OVERLOADED" || code === "IO";
}

export function asVarveError(name: string, error: unknown): VarveError {
  if (error instanceof VarveError) return error;
  return new VarveError("IO", `projection ${describe(name)} failed`, { cause: error });
}

export function parkedError(name: string, change: Change | undefined, cause: unknown): VarveError {
  const at = change === undefined ? "its state" : `${change.kind} at LSN ${change.lsn}`;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new VarveError(
    "PROJECTION_PARKED",
    `projection ${describe(name)} is parked by ${at}: ${why}`,
    { cause, details: { projection: name, lsn: change?.lsn, kind: change?.kind } },
  );
}
