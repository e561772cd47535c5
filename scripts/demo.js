// Shows the engine at work on real data: `npm run demo`, on a fresh clone too. Arguments go to the demo.
import { join } from "node:path";
import { buildIfStale } from "./build.js";
import { projectRoot, run, setUp } from "./setup.js";

setUp();
const status = buildIfStale();
process.exitCode =
  status !== 0
    ? status
    : run(process.execPath, [
        join(projectRoot, "examples", "air-routes", "demo.js"),
        ...process.argv.slice(2),
      ]);
