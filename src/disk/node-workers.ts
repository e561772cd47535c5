// Actors on threads of their own. A worker keeps the process alive only while a request is pending.
import { Worker } from "node:worker_threads";
import { actorGoneError, InProcessActor, loadActorModule } from "./actor-module.ts";
import type { WorkerActor, Workers } from "./ports.ts";

// The entry travels as text: it needs no file of its own, so built and bundled copies find it alike. It
// neither imports nor requires, because the process's flags decide which of the two it may.
const ENTRY = `
import("node:worker_threads").then(({ parentPort, workerData }) => {
  const loading = import(workerData.module);
  loading.catch(() => {});
  let tail = Promise.resolve();
  parentPort.on("message", ({ id, message }) => {
    tail = tail.then(async () => {
      try {
        const { handle } = await loading;
        const { result, transfer } = await handle(message);
        parentPort.postMessage({ id, result }, transfer ?? []);
      } catch (cause) {
        const error = cause instanceof Error ? cause : new Error(String(cause));
        parentPort.postMessage({ id, error: { message: error.message, stack: error.stack } });
      }
    });
  });
});
`;

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly stack?: string };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

class ThreadActor implements WorkerActor {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #gone: Error | undefined;

  constructor(module: URL) {
    this.#worker = new Worker(ENTRY, { eval: true, workerData: { module: module.href } });
    this.#worker.unref();
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (cause) => this.#end(actorGoneError("died", cause)));
    this.#worker.on("messageerror", (cause) => this.#end(actorGoneError("sent garbage", cause)));
    this.#worker.on("exit", (code) => this.#end(actorGoneError(`exited with code ${code}`)));
  }

  request(message: unknown, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // Posting first: a message that cannot be cloned throws here and leaves nothing pending.
      this.#worker.postMessage({ id, message }, transfer);
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
    });
  }

  async stop(): Promise<void> {
    this.#end(actorGoneError("stopped"));
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const waiter = this.#pending.get(reply.id);
    if (waiter === undefined) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (reply.error === undefined) {
      waiter.resolve(reply.result);
      return;
    }
    const error = new Error(reply.error.message);
    if (reply.error.stack !== undefined) error.stack = reply.error.stack;
    waiter.reject(error);
  }

  #end(reason: Error): void {
    if (this.#gone === undefined) this.#gone = reason;
    const waiters = [...this.#pending.values()];
    this.#pending.clear();
    for (const waiter of waiters) waiter.reject(this.#gone);
  }
}

export class NodeWorkers implements Workers {
  start(module: URL): WorkerActor {
    // Unbuilt sources run on this thread where the runtime cannot load them in another.
    if (module.pathname.endsWith(".ts") && !stripsTypes()) {
      return new InProcessActor(loadActorModule(module));
    }
    return new ThreadActor(module);
  }
}

function stripsTypes(): boolean {
  const features = process.features as unknown as Readonly<Record<string, unknown>>;
  return typeof features["typescript"] === "string";
}
