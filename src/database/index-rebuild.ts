// Makes the index of an open database anew from its log, after a tree on disk proved to be damaged.
import { VarveError } from "../codec/errors.ts";
import type { Scheduler } from "../disk/ports.ts";
import { isTreeDamage } from "../index/page-reader.ts";

export interface RebuildParts {
  readonly scheduler: Scheduler;
  /** Everything in the log goes into the index again, which was emptied; the stages stand still meanwhile. */
  rebuild(): Promise<void>;
  /** Told once the index serves again. */
  done(): void;
  /** Told where it never will, until the database is opened again. */
  failed(error: VarveError): void;
}

const retryMsMin = 50;
const retryMsMax = 10_000;

export class IndexRebuild {
  /** Rebuilds so far, the one under way included. */
  count = 0;
  readonly #parts: RebuildParts;
  #refusal: VarveError | undefined;
  #running: Promise<void> | undefined;
  #isClosing = false;
  #endPause: () => void = () => {};

  constructor(parts: RebuildParts) {
    this.#parts = parts;
  }

  /** Whether the index stands for nothing: it is being made anew, or could not be. */
  get isUnusable(): boolean {
    return this.#refusal !== undefined;
  }

  /** Throws where it could not be made anew. */
  isRunning(): boolean {
    if (this.#refusal !== undefined && this.#running === undefined) throw this.#refusal;
    return this.#refusal !== undefined;
  }

  /** Throws INDEX_REBUILDING while there is no index to read from or to write by, or why there will be none. */
  require(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** What the reader of a tree gets instead of an error; damage starts a rebuild, and so does a tree that cannot be read. */
  met(error: unknown): unknown {
    if (this.#refusal !== undefined) return this.#refusal;
    if (!isLost(error)) return error;
    const refusal = new VarveError(
      "INDEX_REBUILDING",
      "an index file is damaged; the index is being made again from the log",
      { cause: error, details: (error as VarveError).details },
    );
    this.#refusal = refusal;
    this.count++;
    this.#running = this.#run();
    return refusal;
  }

  /** Resolves once no rebuild is running; one that fails is not tried again. Never rejects. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    // The call that met the damage ends first.
    await Promise.resolve();
    for (let failures = 0; ; failures++) {
      try {
        await this.#parts.rebuild();
        break;
      } catch (error) {
        if (this.#isClosing || !isPassing(error)) {
          this.#fail(error);
          return;
        }
        await this.#pause(Math.min(retryMsMax, retryMsMin * 2 ** failures));
      }
    }
    this.#running = undefined;
    this.#refusal = undefined;
    this.#parts.done();
  }

  /** Nothing to read from remains: whoever asks gets to know why. */
  #fail(cause: unknown): void {
    const refusal =
      cause instanceof VarveError
        ? cause
        : new VarveError("IO", "the index could not be made again", { cause });
    this.#running = undefined;
    this.#refusal = refusal;
    this.#parts.failed(refusal);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#endPause = resolve;
      this.#parts.scheduler.after(ms, resolve);
    });
  }
}

/** Whether what a tree held must be made again: damage, or a sector that cannot be read. */
function isLost(error: unknown): boolean {
  if (isTreeDamage(error)) return true;
  return error instanceof VarveError && error.code === "IO" && error.details["errno"] === "EIO";
}

/** Whether a rebuild that failed may work when it is tried again: the log is sound, and a file of the new index is not. */
function isPassing(error: unknown): boolean {
  if (isTreeDamage(error)) return true;
  return (
    error instanceof VarveError && ["DISK_FULL", "IO", "INDEX_REBUILDING"].includes(error.code)
  );
}
