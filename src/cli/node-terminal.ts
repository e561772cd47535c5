// Owns standard output, standard error, signals, the clock and the exit code: what the command says and how it ends.

import { readFileSync } from "node:fs";
import { keepAlive } from "../disk/node-scheduler.ts";
import { exitCodes } from "./exit.ts";
import type { Output } from "./output.ts";

/** Standard output that waits for a slow reader and takes a gone one calmly. */
export class StandardOutput implements Output {
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

  get isBroken(): boolean {
    return this.#isBroken;
  }

  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async print(line: string): Promise<void> {
    if (this.#isBroken || process.stdout.write(`${line}\n`)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

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
