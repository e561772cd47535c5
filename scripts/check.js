// Types and lint, nothing written: `npm run check`. Part of `npm test`.
import { fileURLToPath } from "node:url";
import { runTool, setUp } from "./setup.js";

/** Runs the checks, prints what they find, and returns the names of those that failed. */
export function failedChecks() {
  const failed = [];
  if (runTool("typescript", "bin/tsc", ["--noEmit", "-p", "."]) !== 0) failed.push("types");
  if (runTool("@biomejs/biome", "bin/biome", ["check", "--max-diagnostics=50"]) !== 0)
    failed.push("lint");
  return failed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setUp();
  const failed = failedChecks();
  console.log(failed.length === 0 ? "types and lint: clean" : `failed: ${failed.join(", ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
