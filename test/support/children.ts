// Starts the processes that tests kill, and hears what they say.
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface Child {
  readonly pid: number;
  kill(): void;
  /** Resolves with the next line that begins with a word, or with `failed`; with none once it has ended. */
  said(word: string): Promise<string[]>;
  /** Every whole line it said, in words; it is gone, and the kernel has taken back what it held. */
  readonly ended: Promise<string[][]>;
}

/** What a process has said so far, line by line. */
class Speech {
  readonly lines: string[][] = [];
  readonly ended: Promise<unknown>;
  #unfinished = "";
  #heard: () => void = () => {};

  constructor(stream: Readable, ended: Promise<unknown>) {
    this.ended = ended;
    stream.setEncoding("utf8").on("data", (more: string) => {
      const lines = (this.#unfinished + more).split("\n");
      this.#unfinished = lines.pop()!;
      for (const line of lines) this.lines.push(line.split(" "));
      this.#heard();
    });
    void ended.then(() => this.#heard());
  }

  async said(word: string): Promise<string[]> {
    const isIt = ([first]: string[]): boolean => first === word || first === "failed";
    return (await this.#first(() => this.lines.find(isIt))) ?? [];
  }

  /** One at a time. */
  async #first<T>(find: () => T | undefined): Promise<T | undefined> {
    let isOver = false;
    void this.ended.then(() => {
      isOver = true;
    });
    for (;;) {
      const found = find();
      if (found !== undefined || isOver) return found;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        if (isOver) resolve();
      });
    }
  }
}

export function startChild(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  const speech = new Speech(child.stdout, gone);
  return {
    pid: child.pid!,
    kill: () => void child.kill("SIGKILL"),
    said: (word) => speech.said(word),
    ended: gone.then(() => speech.lines),
  };
}
