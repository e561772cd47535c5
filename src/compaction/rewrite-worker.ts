// The worker that reads segments for compaction: keeps the jobs that are open, one for each database, and does what is asked of them.
import type { ActorReply, Disk } from "../disk/ports.ts";
import { RewriteJob } from "./rewrite-job.ts";
import type { RewriteRequest, RewriteStep } from "./rewrite-messages.ts";

/** Of each disk, by directory: in process, all databases of a disk come to the same module. */
const jobs = new WeakMap<Disk, Map<string, RewriteJob>>();

export async function handle(message: unknown, disk: Disk): Promise<ActorReply> {
  const open = jobs.get(disk) ?? new Map<string, RewriteJob>();
  jobs.set(disk, open);
  const request = message as RewriteRequest;
  if (request.ask === "begin") {
    await close(open, request.order.directory);
    const job = new RewriteJob(disk, request.order);
    open.set(request.order.directory, job);
    await job.open();
    return { result: undefined };
  }
  if (request.ask === "close") {
    await close(open, request.directory);
    return { result: undefined };
  }
  const job = open.get(request.directory);
  if (job === undefined) throw new TypeError(`no segment is read in ${request.directory}`);
  const step: RewriteStep = await job.step();
  return { result: step, transfer: step.frames.map(({ bytes }) => bytes.buffer) };
}

async function close(open: Map<string, RewriteJob>, directory: string): Promise<void> {
  const job = open.get(directory);
  open.delete(directory);
  await job?.close();
}
