// The benchmark side by side with its peers: `npm run bench -- --quick`. Installs the peers on the way, and goes on
// without those that cannot be installed here. Arguments are those of bench/run.js.
import { join } from "node:path";
import { buildIfStale } from "./build.js";
import { projectRoot, run, setUp } from "./setup.js";

setUp();
if (buildIfStale() !== 0) console.error("The build failed: the figures of varve may be old ones.");
const peers = join(projectRoot, "bench", "peers");
if (run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: peers }) !== 0)
  console.error("The peers could not all be installed; those that are missing are left out.");
process.exitCode = run(process.execPath, [
  join(projectRoot, "bench", "run.js"),
  ...process.argv.slice(2),
]);
