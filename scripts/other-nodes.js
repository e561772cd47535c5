// Further versions of Node, from the registry that npm is set up with, for the test that one seed is one run on each: `npm run test:nodes`.
// What cannot be had is said on a line, and left out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { projectRoot } from "./setup.js";

const majors = [22, 24];

/** Paths of their programs, as VARVE_NODES takes them. */
export function otherNodes() {
  return majors.flatMap(programOf).join(delimiter);
}

function programOf(major) {
  const folder = join(projectRoot, ".cache", `node-${major}`);
  const program = join(folder, "node_modules", "node", "bin", "node");
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const args = ["install", "--no-audit", "--no-fund", "--no-save", "--prefix", folder];
    spawnSync("npm", [...args, `node@${major}`], { stdio: "ignore", timeout: 300_000 });
  }
  const { stdout, status } = spawnSync(program, ["--version"], { encoding: "utf8" });
  console.log(status === 0 ? `with Node ${stdout.trim()}` : `skipped: no Node ${major} to be had`);
  return status === 0 ? [program] : [];
}
