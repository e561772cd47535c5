// Workers without threads: actors on this thread, with the copies and transfers real ones would make.
import { type ActorModule, InProcessActor, loadActorModule } from "../disk/actor-module.ts";
import type { Disk, WorkerActor, Workers } from "../disk/ports.ts";
import { ThreadDisk } from "./thread-disk.ts";

export class SimulatedWorkers implements Workers {
  readonly #modules: Map<string, ActorModule> = new Map();
  readonly #threads: Set<string> = new Set();
  #actors: SimulatedActor[] = [];

  /**
   * Gives the module of a URL, so that no import, whose time is not simulated, is needed. With `asThread` whoever asks is told that it has a
   * thread of its own, and when it ends, its files are closed and nothing of what it still does reaches the disk.
   */
  register(module: URL, actor: ActorModule, options: { readonly asThread?: boolean } = {}): void {
    this.#modules.set(module.href, actor);
    if (options.asThread === true) this.#threads.add(module.href);
    else this.#threads.delete(module.href);
  }

  hasThread(module: URL): boolean {
    return this.#threads.has(module.href);
  }

  start(module: URL, disk: Disk): WorkerActor {
    const known = this.#modules.get(module.href);
    const loaded = known === undefined ? loadActorModule(module) : Promise.resolve(known);
    const actor = new SimulatedActor(loaded, this.hasThread(module) ? new ThreadDisk(disk) : disk);
    this.#actors.push(actor);
    return actor;
  }

  /** Every worker that runs now dies: what is pending rejects with `IO`. */
  kill(cause: Error = new Error("killed")): void {
    const actors = this.#actors;
    this.#actors = [];
    for (const actor of actors) actor.fail(cause);
  }
}

class SimulatedActor implements WorkerActor {
  readonly #actor: InProcessActor;
  readonly #disk: Disk;

  constructor(module: Promise<ActorModule>, disk: Disk) {
    this.#actor = new InProcessActor(module, disk);
    this.#disk = disk;
  }

  request(message: unknown, transfer?: ArrayBuffer[]): Promise<unknown> {
    return this.#actor.request(message, transfer);
  }

  async stop(): Promise<void> {
    await this.#actor.stop();
    if (this.#disk instanceof ThreadDisk) await this.#disk.end();
  }

  fail(cause: Error): void {
    this.#actor.fail(cause);
    if (this.#disk instanceof ThreadDisk) void this.#disk.end();
  }
}
