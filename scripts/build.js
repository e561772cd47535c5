// Compiles src to dist. `node scripts/build.js` always does, `--if-stale` only where a source changed since the
// last sound build. Compiled beside and then swapped in, so that nobody ever sees half a dist.
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projectRoot, runTool, setUp } from "./setup.js";

const dist = join(projectRoot, "dist");
const cache = join(projectRoot, ".cache");
const stampFile = join(cache, "build-stamp");

/** Builds where dist is missing or older than its sources; returns the exit code. Options are those of `build`. */
export function buildIfStale(options) {
  const fresh =
    existsSync(join(dist, "varve.js")) &&
    existsSync(stampFile) &&
    readFileSync(stampFile, "utf8") === sourcesHash();
  return fresh ? 0 : build(options);
}

/** Builds dist afresh; returns the exit code of the compiler. Types are left alone where somebody else checks them: half of the time. */
export function build({ checksTypes = true } = {}) {
  const hash = sourcesHash();
  const staging = join(cache, `build-${process.pid}`);
  const replaced = join(cache, `replaced-${process.pid}`);
  mkdirSync(cache, { recursive: true });
  forgetBuild();
  const status = runTool("typescript", "bin/tsc", [
    "-p",
    "tsconfig.build.json",
    "--outDir",
    staging,
    ...(checksTypes ? [] : ["--noCheck"]),
  ]);
  if (existsSync(staging)) {
    const command = join(staging, "cli", "main.js");
    if (existsSync(command)) chmodSync(command, 0o755);
    if (existsSync(dist)) renameSync(dist, replaced);
    renameSync(staging, dist);
    rmSync(replaced, { recursive: true, force: true });
  }
  if (status === 0) writeFileSync(stampFile, hash);
  return status;
}

/** What is in dist does not count as sound any more: the next `--if-stale` builds. */
export function forgetBuild() {
  rmSync(stampFile, { force: true });
}

function sourcesHash() {
  const hash = createHash("sha256");
  const files = readdirSync(join(projectRoot, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of ["tsconfig.json", "tsconfig.build.json", "package.json", "package-lock.json"])
    files.push(join(projectRoot, name));
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setUp();
  process.exitCode = process.argv.includes("--if-stale") ? buildIfStale() : build();
}
