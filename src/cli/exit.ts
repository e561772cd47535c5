// Owns the exit codes of the command and turns whatever was thrown into one line with a code.

import { VarveError } from "../codec/errors.ts";

/** Exit codes, promised: found or done, absent, usage, database error; 128 + signal when interrupted. */
export const exitCodes: {
  readonly done: 0;
  readonly absent: 1;
  readonly usage: 2;
  readonly database: 3;
  readonly interrupted: 130;
} = { done: 0, absent: 1, usage: 2, database: 3, interrupted: 130 };

/** The exit codes of `verify`, which answers a question of its own. */
export const verifyExitCodes: {
  readonly sound: 0;
  readonly damaged: 1;
  readonly couldNotRun: 2;
} = { sound: 0, damaged: 1, couldNotRun: 2 };

/** What the person at the keyboard can put right: an option, a column, a file name. Nothing was changed on disk. */
export class UsageError extends Error {}

export interface Failure {
  readonly line: string;
  readonly exitCode: number;
}

/** One line for standard error, and the exit code that goes with it. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError) return failure("USAGE", error.message, exitCodes.usage);
  if (error instanceof VarveError) return failure(error.code, error.message, exitCodes.database);
  const message = error instanceof Error ? error.message : String(error);
  // Node's own errors about files carry an errno name; anything else is a mistake of ours and says so.
  const isSystemError = error instanceof Error && "syscall" in error;
  return failure(isSystemError ? "IO" : "INTERNAL", message, exitCodes.database);
}

function failure(code: string, message: string, exitCode: number): Failure {
  return { line: `varve: ${code}: ${message.replace(/\s*[\r\n]+\s*/g, " ")}`, exitCode };
}
