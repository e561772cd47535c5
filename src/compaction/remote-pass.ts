// Has a worker read segments and judge their events, where there are threads: what stays comes back to be written here.
import { siblingModule } from "../disk/actor-module.ts";
import type { Ports, WorkerActor } from "../disk/ports.ts";
import type { RunRecord } from "../index/run-record.ts";
import type { SegmentView } from "../log/segment-view.ts";
import type { FrameOutput } from "./frame-builder.ts";
import type { PassResult, RewriteOrder, RewriteRequest, RewriteStep } from "./rewrite-messages.ts";

export interface RemoteParts {
  readonly ports: Ports;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  /** Those of the index, newest first. */
  runs(): readonly RunRecord[];
  durableStates(): ReadonlyMap<string, unknown>;
  /** Graphs and maps beside the default graph, and the LSN at which each was dropped: infinite where it was not. */
  families(): Iterable<{ readonly number: number; readonly droppedLsn: number }>;
}

/** What a pass is of. */
export interface RemoteOrder {
  readonly views: readonly SegmentView[];
  readonly segments: readonly SegmentView[];
  readonly chosen: ReadonlySet<number>;
  readonly horizon: number;
}

export interface RemoteHost {
  /** Throws where the work is not to go on. */
  check(): void;
  pace(bytes: number): Promise<void> | undefined;
}

/** The worker could not do it: whoever does it in its place meets what was wrong, or nothing. */
export class RemoteFailure extends Error {}

const workerModule: URL = siblingModule("rewrite-worker", import.meta.url);

export class RemotePass {
  readonly #parts: RemoteParts;
  #actor: WorkerActor | undefined;
  #isStopped = false;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  /** Whether a thread can do it: what the index has in memory, it does not see. */
  reaches(horizon: number): boolean {
    const { ports, runs } = this.#parts;
    const hasThread = ports.workers.hasThread?.(workerModule, ports.disk) === true;
    return hasThread && !this.#isStopped && (runs()[0]?.lastLsn ?? 0) >= horizon;
  }

  /** @throws {RemoteFailure} for what goes wrong there; whatever `check` and `output` throw. */
  async run(order: RemoteOrder, host: RemoteHost, output: FrameOutput): Promise<PassResult> {
    const { directory } = this.#parts;
    const ask = (): Promise<RewriteStep> => {
      const step = this.#request({ ask: "step", directory }) as Promise<RewriteStep>;
      // It is waited for once the one before was written.
      step.catch(() => {});
      return step;
    };
    try {
      await this.#begin(order);
      for (let step = ask(); ; ) {
        host.check();
        const { frames, readBytes, done } = await step;
        if (done === undefined) step = ask();
        for (const { bytes, fields } of frames) output(bytes, fields);
        if (done !== undefined) return done;
        await host.pace(readBytes);
      }
    } finally {
      if (this.#actor !== undefined)
        await this.#request({ ask: "close", directory }).catch(() => {});
    }
  }

  /** Where runs are merged right then, the files of an order are gone when they are opened: then it is another order. */
  async #begin(order: RemoteOrder): Promise<void> {
    const runs = this.#parts.runs();
    try {
      await this.#request({ ask: "begin", order: this.#orderOf(order, runs) });
    } catch (error) {
      const now = this.#parts.runs();
      if (now.length === runs.length && now.every((run, i) => run === runs[i])) throw error;
      await this.#request({ ask: "begin", order: this.#orderOf(order, now) });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#actor?.stop();
    this.#actor = undefined;
  }

  #orderOf(
    { views, segments, chosen, horizon }: RemoteOrder,
    runs: readonly RunRecord[],
  ): RewriteOrder {
    const { directory, databaseId, durableStates, families } = this.#parts;
    const dropped = new Map<number, number>();
    for (const { number, droppedLsn } of families()) dropped.set(number, droppedLsn);
    return {
      directory,
      databaseId,
      views,
      segments,
      chosen: [...chosen],
      horizon,
      runs,
      dropped,
      states: durableStates(),
    };
  }

  async #request(request: RewriteRequest): Promise<unknown> {
    if (this.#isStopped) throw new RemoteFailure("stopped");
    const { workers, disk } = this.#parts.ports;
    this.#actor ??= workers.start(workerModule, disk);
    const actor = this.#actor;
    try {
      return await actor.request(request);
    } catch (error) {
      // Whatever it was, the next pass gets a worker that knows nothing of it.
      if (this.#actor === actor) this.#actor = undefined;
      await actor.stop();
      throw new RemoteFailure("the worker failed", { cause: error });
    }
  }
}
