// The worker that writes, merges and verifies the files of runs: keeps the jobs that are open, and does what is asked of each.

import type { ActorReply, Disk } from "../disk/ports.ts";
import { buffersOf } from "./entry-batch.ts";
import { type Job, MergeJob, VerifyJob, WriteJob } from "./tree-jobs.ts";
import type { TreeRequest } from "./tree-messages.ts";

/** What one disk's jobs share. In process, all databases of a disk come to the same one. */
class JobTable {
  readonly #disk: Disk;
  /** By path. */
  readonly #jobs = new Map<string, Job>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** One at a time, even where the actor that asked has died since: what it began must be there to be closed. */
  run(request: TreeRequest): Promise<unknown> {
    const answer = this.#tail.then(() => this.#answer(request));
    this.#tail = answer.catch(() => {});
    return answer;
  }

  async #answer(request: TreeRequest): Promise<unknown> {
    switch (request.ask) {
      case "write":
        return this.#open(request.plan.path, new WriteJob(this.#disk, request.plan));
      case "merge": {
        const { plan, inputs, retention, leftOut } = request;
        return this.#open(plan.path, new MergeJob(this.#disk, plan, inputs, retention, leftOut));
      }
      case "verify": {
        const { address } = request;
        return this.#open(address.path, new VerifyJob(this.#disk, address));
      }
      case "append":
        return this.#writing(request.path).append(request.batch);
      case "damages": {
        const job = this.#job(request.path);
        return job instanceof VerifyJob ? job.damages : [];
      }
      case "step":
        return stepped(this.#job(request.path), request.shares);
      case "finish": {
        const finished = await this.#writing(request.path).finish();
        this.#jobs.delete(request.path);
        return finished;
      }
      case "close":
        await Promise.allSettled(request.paths.map((path) => this.#close(path)));
        return undefined;
    }
  }

  async #open(path: string, job: Job & { open(): Promise<void> }): Promise<void> {
    await this.#close(path);
    this.#jobs.set(path, job);
    await job.open();
  }

  async #close(path: string): Promise<void> {
    const job = this.#jobs.get(path);
    this.#jobs.delete(path);
    await job?.close();
  }

  #job(path: string): Job {
    const job = this.#jobs.get(path);
    if (job === undefined) throw new TypeError(`no job for ${path}`);
    return job;
  }

  #writing(path: string): WriteJob {
    const job = this.#job(path);
    if (!(job instanceof WriteJob)) throw new TypeError(`nothing is written to ${path}`);
    return job;
  }
}

/** Whether a job is done after so many shares of its work. */
function stepped(job: Job, shares: number): boolean {
  for (let share = 0; share < shares; share++) if (job.step()) return true;
  return false;
}

const tables = new WeakMap<Disk, JobTable>();

export async function handle(message: unknown, disk: Disk): Promise<ActorReply> {
  let table = tables.get(disk);
  if (table === undefined) {
    table = new JobTable(disk);
    tables.set(disk, table);
  }
  const request = message as TreeRequest;
  const result = await table.run(request);
  // Its buffers go back, to be filled again.
  if (request.ask === "append")
    return { result: request.batch, transfer: buffersOf(request.batch) };
  return { result };
}
