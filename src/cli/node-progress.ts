// Owns the progress of an ingest: a bar for whoever looks at the terminal, and the rows done for a parent process.

import { type SingleBar as Bar, SingleBar } from "cli-progress";
import { nowMs } from "./node-terminal.ts";

export interface ProgressReport {
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly rows: number;
}

export interface Progress {
  update(report: ProgressReport): void;
  stop(): void;
}

let parentIsBehind = false;

/** Tells a parent that listens; while it has not taken the last report it gets no other, so that it is never far behind. */
function tellParent(report: ProgressReport): void {
  if (!process.connected || parentIsBehind) return;
  parentIsBehind = true;
  process.send?.({ progress: report }, undefined, undefined, () => {
    parentIsBehind = false;
  });
}

/** A bar on standard error where that is a terminal; a parent process with an IPC channel hears the rows done. */
export function startProgress(): Progress {
  const startMs = nowMs();
  const isTerminal = process.stderr.isTTY === true && process.env["TERM"] !== "dumb";
  let bar: Bar | undefined;
  let last: ProgressReport | undefined;
  // Rows of an earlier run, and those before the first report, took no time here.
  let firstRows: number | undefined;
  const show = (report: ProgressReport): void => {
    const { totalBytes, doneBytes, rows, file } = report;
    firstRows ??= rows;
    const perSecond = Math.round(((rows - firstRows) / Math.max(1, nowMs() - startMs)) * 1000);
    const name = file.replace(/^.*[\\/]/, "").slice(-40);
    const shown = {
      file: name,
      done: rows.toLocaleString("en"),
      speed: perSecond.toLocaleString("en"),
    };
    if (bar === undefined) {
      bar = new SingleBar({
        stream: process.stderr,
        format:
          totalBytes > 0
            ? "{file} [{bar}] {percentage}% · {done} rows · {speed} rows/s"
            : "{file} · {done} rows · {speed} rows/s",
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 30,
        fps: 15,
        // A killed process could set neither right again.
        hideCursor: false,
        linewrap: true,
      });
      bar.start(Math.max(1, totalBytes), doneBytes, shown);
    } else {
      bar.update(Math.min(doneBytes, Math.max(1, totalBytes)), shown);
    }
  };
  return {
    update(report) {
      last = report;
      tellParent(report);
      if (isTerminal) show(report);
    },
    stop() {
      if (isTerminal && last) show(last);
      bar?.stop();
    },
  };
}
