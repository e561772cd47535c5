// A process that has loaded the engine and warmed it up, and then forks: one child for each line on standard input, a JSON array of
// a socket's path and the arguments of the child. Arguments: the addon made of fork.c, the child's script.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { blockingLines } from "./block-lines.mjs";

const [addon, script] = process.argv.slice(2);
const { fork, waitFor, leave } = createRequire(import.meta.url)(addon);
const { main, warmUp } = await import(pathToFileURL(script).href);
await warmUp();

// It blocks: nothing may be going on in any thread while the process forks.
const nextLine = blockingLines(0);

/** Node remembers who it is, and all forks would draw the same numbers. */
function becomeAnother(pid) {
  Object.defineProperty(process, "pid", { value: pid, enumerable: true });
  for (let drawn = pid % 997; drawn > 0; drawn--) Math.random();
}

/** Returns the arguments of a child, in the child; undefined in the parent, once nobody wants more. */
function serve() {
  writeSync(1, "ready\n");
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    const [what, ...rest] = JSON.parse(line);
    if (what === "wait") {
      writeSync(1, `${waitFor(rest[0])}\n`);
      continue;
    }
    const [path, ...args] = rest;
    const pid = fork(path, "forked");
    if (pid < 0) {
      becomeAnother(-pid);
      return args;
    }
    writeSync(1, `${pid}\n`);
  }
  return undefined;
}

const args = serve();
if (args !== undefined) {
  await main(args);
  leave(process.exitCode ?? 0);
}
