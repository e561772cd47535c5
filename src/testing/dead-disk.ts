// The two signals of a simulated crash: the one a test throws to cause it, and the one that everything
// still running in the dead world meets.

/** Thrown by an `onCall` hook to stop the world at that very point. */
export class Crash extends Error {
  constructor(message = "crash") {
    super(message);
    this.name = "Crash";
  }
}

/**
 * Every use of a disk that was killed or crashed, and of any handle or lock it gave out. It is no
 * `VarveError`: code that goes on after it is code that would be running after its process died.
 */
export class DeadDiskError extends Error {
  constructor(operation: string, cause?: unknown) {
    super(`the disk is dead: ${operation}`, cause === undefined ? undefined : { cause });
    this.name = "DeadDiskError";
  }
}
