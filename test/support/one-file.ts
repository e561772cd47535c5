// A script in one file with the built package and all that it needs: a process that lives for a moment starts in a third of the time.
import { writeFileSync } from "node:fs";
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

/** Writes the script and its modules into a folder, and returns the path to start. */
export async function inOneFile(script: string, folder: string): Promise<string> {
  const bundle = await rolldown({ input: { script, ...threads }, platform: "node" });
  await bundle.write({ dir: folder, format: "esm", chunkFileNames: "[name]-[hash].js" });
  await bundle.close();
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  return join(folder, "script.js");
}
