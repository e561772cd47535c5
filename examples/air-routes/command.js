// Runs the real varve command as a child process for the demo: shows its progress, and kills it where asked to.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/**
 * Runs `varve` with its output shown; on a terminal the command draws its own progress bar, elsewhere a line is
 * printed now and then. With `killAtRows`, the process gets a SIGKILL once that many rows are read.
 */
export function runVarve(words, { rowsInAll = 0, killAtRows = Number.POSITIVE_INFINITY } = {}) {
  const drawsBar = process.stderr.isTTY === true;
  // Over the IPC channel the command tells how many rows it has read.
  const child = spawn(process.execPath, [command, ...words], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let nextQuarter;
  child.on("message", ({ progress }) => {
    if (progress.rows >= killAtRows) child.kill("SIGKILL");
    if (drawsBar || rowsInAll === 0) return;
    nextQuarter ??= Math.ceil((4 * progress.rows) / rowsInAll);
    for (; progress.rows >= (rowsInAll * nextQuarter) / 4; nextQuarter++) {
      console.log(`  ${nextQuarter * 25}% of the rows read`);
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL" && drawsBar) process.stderr.write("\n");
      resolve({ code, signal });
    });
  });
}
