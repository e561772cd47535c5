// How varve does at scale: `npm run scale -- --edges 20m`. Arguments are those of bench/scale/run.js.
import { join } from "node:path";
import { buildIfStale } from "./build.js";
import { projectRoot, run, setUp } from "./setup.js";

setUp();
const status = buildIfStale();
process.exitCode =
  status !== 0
    ? status
    : run(process.execPath, [
        join(projectRoot, "bench", "scale", "run.js"),
        ...process.argv.slice(2),
      ]);
