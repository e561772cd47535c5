// Owns standard output, standard error, signals, the clock and the exit code: what the command says and how it ends.

import { readFileSync } from "node:fs";
import { type SingleBar as Bar, SingleBar } from "cli-progress";
import { keepAlive } from "../disk/node-scheduler.ts";
import { exitCodes } from "./exit.ts";

/** Standard output that waits for a slow reader and takes a gone one calmly. */
export class Output {
  #isBroken = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  readonly #broken: AbortController = new AbortController();

  constructor() {
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      this.#isBroken = true;
      if (error.code !== "EPIPE" && error.code !== "EOF") this.#failure = error;
      this.#wake();
      this.#broken.abort();
    });
    process.stdout.on("drain", () => this.#wake());
    // Nobody is left to tell, should standard error be gone too.
    process.stderr.on("error", () => {});
  }

  /** The reader went away (`| head`): there is no point in going on. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Aborts when the reader goes away, as far as a line that is printed tells. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /** Why not everything could be printed, where the reader is not to blame: a full disk, say. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Prints a line; await it where many follow. */
  async print(line: string): Promise<void> {
    if (this.#isBroken || process.stdout.write(`${line}\n`)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Resolves once everything printed has been taken over, or cannot be. */
  async flush(): Promise<void> {
    if (this.#isBroken) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      process.stdout.write("", () => resolve());
    });
  }

  warn(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}

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

/** Whether someone asked the command to stop; it then finishes what it has begun and leaves in order. */
export interface Interruption {
  readonly signal: "SIGINT" | "SIGTERM" | undefined;
  release(): void;
}

/** Catches SIGINT and SIGTERM until released; a second SIGINT ends the process at once. */
export function catchInterruption(): Interruption {
  let signal: "SIGINT" | "SIGTERM" | undefined;
  const onInterrupt = (): void => {
    if (signal === "SIGINT") process.exit(130);
    signal = "SIGINT";
  };
  const onTerminate = (): void => {
    signal ??= "SIGTERM";
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    get signal() {
      return signal;
    },
    release() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}

/** Keeps the process alive while it waits for something to print. */
export interface Following {
  /** Aborts on SIGINT or SIGTERM, and when nobody reads any more. */
  readonly signal: AbortSignal;
  end(): void;
}

/** Begins to wait; a second SIGINT ends the process at once. */
export function startFollowing(output: Output): Following {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  const onOther = (): void => controller.abort();
  const letGo = keepAlive();
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onOther);
  output.broken.addEventListener("abort", onOther);
  return {
    signal: controller.signal,
    end() {
      letGo();
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onOther);
      output.broken.removeEventListener("abort", onOther);
    },
  };
}

/** Milliseconds on a clock that never goes back. */
export function nowMs(): number {
  return performance.now();
}

/** The version in package.json, which lies two directories above this file in the sources and in the package. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

export function commandArguments(): readonly string[] {
  return process.argv.slice(2);
}

/** Sets the exit code and lets go of standard input, so that the process ends once all output is written. */
export function leave(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdin.destroy();
}
