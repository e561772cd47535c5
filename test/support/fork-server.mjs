// A process that has loaded the engine and warmed it up, and then forks: one child for each line on standard input, a JSON array of
// a socket's path and the arguments of the child. Arguments: the addon made of fork.c, the child's script.
import { readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [addon, script] = process.argv.slice(2);
const { fork, waitFor, leave } = createRequire(import.meta.url)(addon);
const { main, warmUp } = await import(pathToFileURL(script).href);
await warmUp();

let unread = "";
const block = Buffer.alloc(4096);

/** Blocks: nothing may be going on in any thread while the process forks. Undefined at the end of the input. */
function nextLine() {
  for (;;) {
    const end = unread.indexOf("\n");
    if (end >= 0) {
      const line = unread.slice(0, end);
      unread = unread.slice(end + 1);
      return line;
    }
    const count = readSync(0, block);
    if (count === 0) return undefined;
    unread += block.toString("utf8", 0, count);
  }
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
    if (pid === 0) return args;
    writeSync(1, `${pid}\n`);
  }
  return undefined;
}

const args = serve();
if (args !== undefined) {
  await main(args);
  leave(process.exitCode ?? 0);
}
