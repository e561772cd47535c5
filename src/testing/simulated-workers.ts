// Workers without threads: actors on this thread, with the copies and transfers real ones would make.
import { type ActorModule, InProcessActor, loadActorModule } from "../disk/actor-module.ts";
import type { Disk, WorkerActor, Workers } from "../disk/ports.ts";

export class SimulatedWorkers implements Workers {
  readonly #modules: Map<string, ActorModule> = new Map();
  #actors: InProcessActor[] = [];

  /** Gives the module of a URL, so that no import, whose time is not simulated, is needed. */
  register(module: URL, actor: ActorModule): void {
    this.#modules.set(module.href, actor);
  }

  start(module: URL, disk: Disk): WorkerActor {
    const known = this.#modules.get(module.href);
    const actor = new InProcessActor(
      known === undefined ? loadActorModule(module) : Promise.resolve(known),
      disk,
    );
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
