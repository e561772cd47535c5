// Turns an errno of the operating system into the VarveError that every disk adapter throws, so that
// the real disk and the simulated one fail alike.
import { VarveError, type VarveErrorCode } from "../codec/errors.ts";

export type DiskOperation =
  | "open"
  | "create"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "size"
  | "close"
  | "stat"
  | "list"
  | "makeDirectory"
  | "rename"
  | "unlink"
  | "syncDirectory"
  | "lock"
  | "release";

export interface DiskFailure {
  readonly errno: string;
  readonly operation: DiskOperation;
  readonly path: string;
  /** Byte offset in the file, for reads and writes. */
  readonly offset?: number;
  readonly cause?: unknown;
}

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const PASSING: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "EAGAIN", "EINTR", "EBUSY"]);

function codeOf(errno: string, operation: DiskOperation): VarveErrorCode {
  if (FULL.has(errno)) return "DISK_FULL";
  if (errno === "EEXIST") return "EXISTS";
  if (errno === "ENOENT" && (operation === "open" || operation === "create")) return "NOT_FOUND";
  return "IO";
}

/** The error for a failed call. A failed sync is never retryable, whatever its errno. */
export function diskError(failure: DiskFailure): VarveError {
  const { errno, operation, path, offset, cause } = failure;
  const at = offset === undefined ? "" : ` at byte ${offset}`;
  const syncs = operation === "sync" || operation === "syncDirectory";
  return new VarveError(
    codeOf(errno, operation),
    `${operation} failed with ${errno}: ${path}${at}`,
    {
      retryable: !syncs && (FULL.has(errno) || PASSING.has(errno)),
      details: { path, operation, errno, ...(offset === undefined ? {} : { offset }) },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Whether a call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof VarveError && error.details["errno"] === "ENOENT";
}

export type UnsafeFileReason = "symlink" | "directory" | "not-a-file" | "hard-linked";

/** The error for a path that holds something no data file may be. */
export function unsafeFileError(path: string, reason: UnsafeFileReason): VarveError {
  return new VarveError("CORRUPT", `not a plain file of its own (${reason}): ${path}`, {
    details: { path, operation: "open", reason },
  });
}

/** The error for a directory that has an owner. `details` adds what is known of it. */
export function lockedError(
  path: string,
  holder: string,
  details: Readonly<Record<string, unknown>> = {},
): VarveError {
  return new VarveError("LOCKED", `in use by ${holder}: ${path}`, {
    details: { ...details, path, operation: "lock", holder },
  });
}
