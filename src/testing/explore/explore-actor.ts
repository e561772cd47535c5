// What a thread of an exploration runs: it loads the store's own module, explores its share, and answers with the report.
import type { ActorHandler } from "../../disk/ports.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { type ExploreOptions, type ExploreReport, exploreBeside } from "./explore.ts";
import { SharedNames } from "./known-names.ts";

/** One thread's share of an exploration. */
export interface ExploreShare {
  /** URL of a module that exports `subject`. */
  readonly module: string;
  readonly options: ExploreOptions<unknown>;
  /** Two words, for how many states were looked at and how many of them were different; others read them meanwhile. */
  readonly progress: SharedArrayBuffer;
  /** What all threads have judged; see `SharedNames`. */
  readonly judged: SharedArrayBuffer;
}

/** Explores one share; the disk it is offered is the machine's, and nothing of this exploration is on it. */
export const handle: ActorHandler = async (message) => {
  const { module, options, progress, judged } = message as ExploreShare;
  const loaded = (await import(/* @vite-ignore */ module)) as { readonly subject?: unknown };
  if (typeof loaded.subject !== "object" || loaded.subject === null) {
    throw new TypeError(`exploreInWorkers: ${module} exports no object named subject`);
  }
  const subject = loaded.subject as CrashSubject<unknown, unknown, unknown, unknown>;
  const words = new Uint32Array(progress);
  const onProgress: ExploreOptions<unknown>["onProgress"] = ({ states, distinct }) => {
    words[0] = states;
    words[1] = distinct;
  };
  const names = new SharedNames(judged);
  const report: ExploreReport = await exploreBeside(subject, { ...options, onProgress }, names);
  return { result: report };
};
