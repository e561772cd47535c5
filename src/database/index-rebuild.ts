// Makes the index of an open database anew from its log, after a tree on disk proved to be damaged.
import { VarveError } from "../codec/errors.ts";
import { isTreeDamage } from "../index/page-reader.ts";

export interface RebuildParts {
  /** Everything in the log goes into the index again, which was emptied; the stages stand still meanwhile. */
  rebuild(): Promise<void>;
  /** Told once the index serves again. */
  done(): void;
}

export class IndexRebuild {
  /** Rebuilds so far, the one under way included. */
  count = 0;
  readonly #parts: RebuildParts;
  #refusal: VarveError | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Throws INDEX_REBUILDING while there is no index to read from or to write by. */
  require(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** What the reader of a tree gets instead of an error; damage starts a rebuild. */
  met(error: unknown): unknown {
    if (this.#refusal !== undefined) return this.#refusal;
    if (!isTreeDamage(error)) return error;
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

  /** Resolves once no rebuild is running; never rejects. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // The call that met the damage ends first.
    await Promise.resolve();
    try {
      await this.#parts.rebuild();
      this.#refusal = undefined;
    } catch (error) {
      // Nothing to read from remains: whoever asks gets to know why.
      this.#refusal =
        error instanceof VarveError
          ? error
          : new VarveError("IO", "the index could not be made again", { cause: error });
    }
    this.#running = undefined;
    if (this.#refusal === undefined) this.#parts.done();
  }
}
