// Actors on threads of their own, below the priority of those who wait for nothing. A worker keeps the process alive only while a
// request is pending.
import { Worker } from "node:worker_threads";
import { VarveError, type VarveErrorCode, varveErrorCodes } from "../codec/errors.ts";
import { actorGoneError, InProcessActor, loadActorModule, siblingModule } from "./actor-module.ts";
import { NodeDisk } from "./node-disk.ts";
import type { Disk, WorkerActor, Workers } from "./ports.ts";

// The entry travels as text: it needs no file of its own, so built and bundled copies find it alike. It
// neither imports nor requires, because the process's flags decide which of the two it may.
const ENTRY = `
// Linux gives each thread a priority of its own; elsewhere, and where that may not be read, all keep the process's.
Promise.all([import("node:fs"), import("node:os")]).then(([fs, os]) => {
  const thread = Number(fs.readlinkSync("/proc/thread-self").split("/").pop());
  const { PRIORITY_BELOW_NORMAL: low } = os.constants.priority;
  if (os.getPriority(thread) < low) os.setPriority(thread, low);
}).catch(() => {});
import("node:worker_threads").then(({ parentPort, workerData }) => {
  const loading = Promise.all([import(workerData.module), import(workerData.disk)]).then(
    ([{ handle }, { NodeDisk }]) => {
      if (typeof handle === "function") return { handle, disk: new NodeDisk() };
      throw new TypeError("worker module exports no function named handle: " + workerData.module);
    },
  );
  // Who cannot begin is gone, and tells why: its own code may be missing, or no file be opened any more.
  const loaded = loading.catch((cause) => {
    setImmediate(() => { throw cause; });
    return new Promise(() => {});
  });
  let tail = Promise.resolve();
  parentPort.on("message", ({ id, message }) => {
    tail = tail.then(async () => {
      try {
        const { handle, disk } = await loaded;
        const { result, transfer } = await handle(message, disk);
        parentPort.postMessage({ id, result }, transfer ?? []);
      } catch (cause) {
        const { name, message, stack, code, retryable, details } =
          cause instanceof Error ? cause : new Error(String(cause));
        const plain = { name, message, stack };
        try {
          parentPort.postMessage({ id, error: { ...plain, code, retryable, details } });
        } catch {
          // Details that cannot be copied must not leave the request without an answer.
          parentPort.postMessage({ id, error: { ...plain, code, retryable } });
        }
      }
    });
  });
});
`;

/** An error as plain data: its class does not survive the copy between threads. */
interface ThrownThere {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: unknown;
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: ThrownThere;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

class ThreadActor implements WorkerActor {
  readonly isThread = true;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #gone: Error | undefined;

  constructor(module: URL) {
    this.#worker = new Worker(ENTRY, {
      eval: true,
      workerData: { module: module.href, disk: siblingModule("node-disk", import.meta.url).href },
    });
    this.#worker.unref();
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (cause) => this.#end(actorGoneError(`died: ${cause.message}`, cause)));
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
    waiter.reject(errorOf(reply.error));
  }

  #end(reason: Error): void {
    if (this.#gone === undefined) this.#gone = reason;
    const waiters = [...this.#pending.values()];
    this.#pending.clear();
    for (const waiter of waiters) waiter.reject(this.#gone);
  }
}

export class NodeWorkers implements Workers {
  start(module: URL, disk: Disk): WorkerActor {
    return this.hasThread(module, disk)
      ? new ThreadActor(module)
      : new InProcessActor(loadActorModule(module), disk);
  }

  hasThread(module: URL, disk: Disk): boolean {
    // A disk that wraps this one must see every call; and unbuilt sources cannot be loaded by a thread.
    return disk.constructor === NodeDisk && !module.pathname.endsWith(".ts");
  }
}

function errorOf(thrown: ThrownThere): Error {
  const error = rebuilt(thrown);
  if (thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

function rebuilt({ name, message, code, retryable, details }: ThrownThere): Error {
  if (isVarveCode(code)) return new VarveError(code, message, { retryable, details });
  if (name === "RangeError") return new RangeError(message);
  return name === "TypeError" ? new TypeError(message) : new Error(message);
}

function isVarveCode(code: unknown): code is VarveErrorCode {
  return varveErrorCodes.includes(code as VarveErrorCode);
}
