// Owns the one error class users of the engine meet, its codes, and which codes are worth a retry.
// Caller mistakes are TypeError or RangeError and do not come from here.

/** Every code a `VarveError` can carry. Codes are stable across minor versions, messages are not. */
export type VarveErrorCode =
  | "NOT_FOUND"
  | "EXISTS"
  | "NOT_A_DATABASE"
  | "LOCKED"
  | "CLOSED"
  | "POISONED"
  | "READ_ONLY"
  | "DISK_FULL"
  | "IO"
  | "CORRUPT"
  | "FORMAT_UNSUPPORTED"
  | "LIMIT_EXCEEDED"
  | "OVERLOADED"
  | "CONFLICT"
  | "NODE_NOT_FOUND"
  | "EDGE_NOT_FOUND"
  | "UNIQUE_VIOLATION"
  | "HISTORY_COMPACTED"
  | "POSITION_COMPACTED"
  | "POSITION_AHEAD"
  | "SNAPSHOT_UNFINISHED"
  | "CONSUMER_BUSY"
  | "PROJECTION_PARKED"
  | "INDEX_REBUILDING"
  | "VIEW_ROLLED_BACK"
  | "ABORTED";

// A record rather than a set, so that the compiler refuses a code that is in the union and not here.
const retryableByCode: Readonly<Record<VarveErrorCode, boolean>> = {
  NOT_FOUND: false,
  EXISTS: false,
  NOT_A_DATABASE: false,
  LOCKED: true,
  CLOSED: false,
  POISONED: false,
  READ_ONLY: false,
  DISK_FULL: true,
  IO: false,
  CORRUPT: false,
  FORMAT_UNSUPPORTED: false,
  LIMIT_EXCEEDED: false,
  OVERLOADED: true,
  CONFLICT: true,
  NODE_NOT_FOUND: false,
  EDGE_NOT_FOUND: false,
  UNIQUE_VIOLATION: false,
  HISTORY_COMPACTED: false,
  POSITION_COMPACTED: false,
  POSITION_AHEAD: false,
  SNAPSHOT_UNFINISHED: false,
  CONSUMER_BUSY: false,
  PROJECTION_PARKED: false,
  INDEX_REBUILDING: true,
  VIEW_ROLLED_BACK: false,
  ABORTED: false,
};

/** All error codes, in the order of the documentation. */
export const varveErrorCodes: readonly VarveErrorCode[] = Object.freeze(
  Object.keys(retryableByCode) as VarveErrorCode[],
);

export interface VarveErrorOptions {
  /** What went wrong one floor below; kept as the standard `cause`. */
  readonly cause?: unknown;
  /** Whether the same call may succeed later; each code has a default. */
  readonly retryable?: boolean | undefined;
  /** Facts for programs: file, offset, LSN range, expected and found. Never property values. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The error of everything that can go wrong in operation: disks, damage, limits, conflicts.
 *
 * Test `code`, not `message`. `retryable` says whether the same call may succeed later without a change
 * by the caller. `details` is always an object, frozen. The `name` is `"VarveError"`, except for the code
 * `ABORTED`, where it is `"AbortError"`, as the platform names a cancelled call.
 */
export class VarveError extends Error {
  readonly code: VarveErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: VarveErrorCode, message: string, options?: VarveErrorOptions) {
    // Only a cause that was given becomes an own property, as it is for the built-in errors.
    super(message, options && "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options?.retryable ?? retryableByCode[code];
    this.details = Object.freeze({ ...options?.details });
    Object.defineProperty(this, "name", {
      value: code === "ABORTED" ? "AbortError" : "VarveError",
      configurable: true,
      writable: true,
    });
  }
}
