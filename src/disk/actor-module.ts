// What a worker module looks like, how a caller names one, and the actor that runs it on this thread:
// used under simulation, and where the sources run unbuilt and no worker could load them.
import { VarveError } from "../codec/errors.ts";
import type { ActorHandler, ActorReply, Disk, WorkerActor } from "./ports.ts";

export interface ActorModule {
  readonly handle: ActorHandler;
}

/** The URL of the module `name` (without extension) beside the caller, built or not. */
export function siblingModule(name: string, importMetaUrl: string): URL {
  const extension = new URL(importMetaUrl).pathname.endsWith(".ts") ? ".ts" : ".js";
  return new URL(`./${name}${extension}`, importMetaUrl);
}

/** Whether an error is about the worker, and not from what it was asked to do. */
export function isActorGone(error: unknown): boolean {
  return (
    error instanceof VarveError && error.code === "IO" && error.details["operation"] === "worker"
  );
}

/** The error for a request whose worker is gone. */
export function actorGoneError(why: string, cause?: unknown): VarveError {
  return new VarveError("IO", `worker ${why}`, {
    details: { operation: "worker" },
    ...(cause === undefined ? {} : { cause }),
  });
}

const loaded = new Map<string, ActorModule>();

async function importActor({ href }: URL): Promise<Partial<ActorModule>> {
  try {
    return (await import(/* @vite-ignore */ href)) as Partial<ActorModule>;
  } catch (cause) {
    throw actorGoneError(`cannot be loaded: ${(cause as Error).message}`, cause);
  }
}

/** Imports a worker module once per thread. */
export async function loadActorModule(module: URL): Promise<ActorModule> {
  const known = loaded.get(module.href);
  if (known !== undefined) return known;
  const found = await importActor(module);
  if (typeof found.handle !== "function") {
    throw new TypeError(`worker module exports no function named handle: ${module.href}`);
  }
  const actor: ActorModule = { handle: found.handle };
  loaded.set(module.href, actor);
  return actor;
}

/** Runs an actor on this thread, with the copies and transfers a real worker would make. */
export class InProcessActor implements WorkerActor {
  readonly #module: Promise<ActorModule>;
  readonly #disk: Disk;
  readonly #stopped: Promise<never>;
  #reject: (reason: unknown) => void = () => {};
  #tail: Promise<unknown> = Promise.resolve();
  #gone: VarveError | undefined;

  constructor(module: Promise<ActorModule>, disk: Disk) {
    this.#module = module;
    this.#disk = disk;
    this.#stopped = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Both may reject before anybody waits for them.
    this.#module.catch(() => {});
    this.#stopped.catch(() => {});
  }

  request(message: unknown, transfer: ArrayBuffer[] = []): Promise<unknown> {
    const sent: unknown = structuredClone(message, { transfer });
    const answer = this.#tail.then(async () => {
      const { handle } = await this.#module;
      if (this.#gone !== undefined) throw this.#gone;
      const reply: ActorReply = await handle(sent, this.#disk);
      const clone: unknown = structuredClone(reply.result, { transfer: reply.transfer ?? [] });
      return clone;
    });
    this.#tail = answer.catch(() => {});
    return Promise.race([answer, this.#stopped]);
  }

  /** Ends the actor as a death of its thread would. */
  fail(cause: unknown): void {
    this.#end(actorGoneError("died", cause));
  }

  stop(): Promise<void> {
    this.#end(actorGoneError("stopped"));
    return Promise.resolve();
  }

  #end(reason: VarveError): void {
    this.#gone ??= reason;
    this.#reject(this.#gone);
  }
}
