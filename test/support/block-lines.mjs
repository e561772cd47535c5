// Reads lines and blocks until there is one: for processes that must do nothing else meanwhile.
import { readSync } from "node:fs";

/** Returns a function that returns the next line of a descriptor; undefined at its end. */
export function blockingLines(descriptor) {
  const block = Buffer.alloc(4096);
  let unread = "";
  return () => {
    for (;;) {
      const end = unread.indexOf("\n");
      if (end >= 0) {
        const line = unread.slice(0, end);
        unread = unread.slice(end + 1);
        return line;
      }
      const count = readSync(descriptor, block);
      if (count === 0) return undefined;
      unread += block.toString("utf8", 0, count);
    }
  };
}
