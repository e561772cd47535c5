// The built engine for the threads of the deep exploration, with everything small: layers are frozen, flushed and merged all the time.
import { openTuned } from "../../dist/database/open.js";
import { handle } from "../../dist/index/tree-worker.js";
import { graphSubject } from "./graph-subject.mjs";

const treeWorker = new URL("../../dist/index/tree-worker.js", import.meta.url);

const tuning = {
  index: {
    leafCapacity: 4,
    innerCapacity: 4,
    stagingCapacity: 8,
    chunkBytes: 4096,
    keyCacheSlots: 8,
    keyStringSlots: 4,
  },
  activeEventsMax: 5,
  pageCacheBytes: 8 * 1024,
  pageCacheBytesMax: 8 * 1024,
  pageBytes: 512,
  closeEventsMax: 0,
  mergeAbove: 2,
};

export const subject = graphSubject((path, options) => {
  // The worker's module is there without an import, whose time nobody controls: equal lives make equal calls.
  options.workers.register(treeWorker, { handle });
  return openTuned(path, options, tuning);
});
