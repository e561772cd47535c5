// What a thread of an exploration runs: it loads the store's own module, explores with a seed of its own, and answers with the report.
import type { ActorHandler } from "../../disk/ports.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { type ExploreOptions, type ExploreReport, explore } from "./explore.ts";

/** One thread's share of an exploration. */
export interface ExploreShare {
  /** URL of a module that exports `subject`. */
  readonly module: string;
  readonly options: ExploreOptions<unknown>;
}

/** Explores one share; the disk it is offered is the machine's, and nothing of this exploration is on it. */
export const handle: ActorHandler = async (message) => {
  const { module, options } = message as ExploreShare;
  const loaded = (await import(/* @vite-ignore */ module)) as { readonly subject?: unknown };
  if (typeof loaded.subject !== "object" || loaded.subject === null) {
    throw new TypeError(`exploreInWorkers: ${module} exports no object named subject`);
  }
  const subject = loaded.subject as CrashSubject<unknown, unknown, unknown, unknown>;
  const report: ExploreReport = await explore(subject, options);
  return { result: report };
};
