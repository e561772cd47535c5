// A script in one file with the built package and all that it needs: a process that lives for a moment starts in a third of the time.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const dist: string = fileURLToPath(new URL("../../dist/", import.meta.url));

/** What threads are started from is looked for beside whoever starts them. */
const threads = {
  "tree-worker": join(dist, "index", "tree-worker.js"),
  "rewrite-worker": join(dist, "compaction", "rewrite-worker.js"),
  "node-disk": join(dist, "disk", "node-disk.js"),
};

const cache: string = fileURLToPath(new URL("../../.cache/", import.meta.url));

let command: Promise<string> | undefined;

/** The path to start the built command at, in one file for what all of it needs and some for what some of it does; made once for each build. */
export function commandInOneFile(): Promise<string> {
  command ??= madeOnce(join(cache, "command"));
  return command;
}

async function madeOnce(home: string): Promise<string> {
  const build = nameOfBuild();
  const folder = join(home, build);
  const script = join(folder, "dist", "cli", "script.js");
  if (existsSync(script)) return script;
  for (const other of existsSync(home) ? readdirSync(home) : []) {
    // Another process may be making the same at this moment.
    if (!other.startsWith(build)) rmSync(join(home, other), { recursive: true, force: true });
  }
  const making = `${folder}-${process.pid}`;
  mkdirSync(join(making, "dist", "cli"), { recursive: true });
  await inOneFile(join(dist, "cli", "main.js"), join(making, "dist", "cli"));
  copyFileSync(join(dist, "..", "package.json"), join(making, "package.json"));
  try {
    renameSync(making, folder);
  } catch (error) {
    if (!existsSync(script)) throw error;
    rmSync(making, { recursive: true, force: true });
  }
  return script;
}

/** Another name for another build, or another version of a package that it needs. */
function nameOfBuild(): string {
  const hash = createHash("sha256");
  for (const file of [...readdirSync(dist, { recursive: true }).sort(), "../package-lock.json"]) {
    const { size, mtimeMs } = statSync(join(dist, String(file)));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Writes the script and its modules into a folder, and returns the path to start. */
export async function inOneFile(script: string, folder: string): Promise<string> {
  const bundle = await rolldown({ input: { script, ...threads }, platform: "node" });
  await bundle.write({ dir: folder, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await bundle.close();
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  return join(folder, "script.js");
}
