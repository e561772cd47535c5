// What whoever follows a log is told: that it writes nothing, that it is closed, that the log is gone or cannot be read on.
import { VarveError } from "../codec/errors.ts";

export function readOnly(method: string): VarveError {
  return new VarveError("READ_ONLY", `${method}: the database was opened with readOnly`);
}

export function closed(): VarveError {
  return new VarveError("CLOSED", "the database is closed");
}

export function unexpected(cause: unknown): VarveError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VarveError("IO", `the log cannot be followed any further: ${reason}`, {
    cause,
    retryable: false,
  });
}

export function gone(directory: string): VarveError {
  return new VarveError("NOT_FOUND", `the database that was at ${directory} is gone`, {
    details: { path: directory },
  });
}
