// Starts the processes that tests kill: plain ones, and, a hundred times cheaper, forks of one process that has loaded everything.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface Child {
  readonly pid: number;
  kill(): void;
  /** It hears on its standard input, or, a fork, on its standard output, which is a socket. */
  tell(text: string): void;
  /** The next whole line it says, in words; undefined once it has ended. */
  next(): Promise<string[] | undefined>;
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
  #told = 0;
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

  next(): Promise<string[] | undefined> {
    const at = this.#told++;
    return this.#first(() => this.lines[at]);
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

export function plainChild(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => {});
  const gone = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  const speech = new Speech(child.stdout, gone);
  return {
    pid: child.pid!,
    kill: () => void child.kill("SIGKILL"),
    tell: (text) => void child.stdin.write(text),
    next: () => speech.next(),
    said: (word) => speech.said(word),
    ended: gone.then(() => speech.lines),
  };
}

const support: string = fileURLToPath(new URL(".", import.meta.url));
const cache: string = fileURLToPath(new URL("../../.cache", import.meta.url));

/** The path of the addon made of fork.c; else why there is none. */
function addon(): { path: string } | { missing: string } {
  if (process.platform !== "linux") return { missing: "this is not Linux" };
  const source = join(support, "fork.c");
  const headers = join(dirname(dirname(process.execPath)), "include", "node");
  if (!existsSync(join(headers, "node_api.h")))
    return { missing: "the headers of Node are not there" };
  const hash = createHash("sha256").update(readFileSync(source)).update(process.version);
  const path = join(cache, `fork-${hash.digest("hex").slice(0, 16)}.node`);
  if (existsSync(path)) return { path };
  mkdirSync(cache, { recursive: true });
  const staging = `${path}.${process.pid}`;
  const args = ["-shared", "-fPIC", "-O1", `-I${headers}`, source, "-o", staging];
  const { error, status, stderr } = spawnSync("cc", args);
  if (error !== undefined) return { missing: "there is no compiler for C" };
  if (status !== 0) return { missing: `fork.c does not compile: ${String(stderr).split("\n")[0]}` };
  renameSync(staging, path);
  return { path };
}

/** One process that forks children of one script, which exports `warmUp` and `main`. */
export class ForkServer {
  readonly #process: ReturnType<typeof spawn>;
  readonly #reader: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #path: string;
  readonly #server: Server;
  #connected: ((socket: Socket) => void) | undefined;
  /** Questions are asked one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** A server of forks, or why there can be none. The folder takes a socket. */
  static async start(
    script: string,
    folder: string,
    env: Record<string, string> = {},
  ): Promise<ForkServer | string> {
    const made = addon();
    if ("missing" in made) return made.missing;
    const server = new ForkServer(made.path, script, join(folder, `fork-${forkServers++}`), env);
    await new Promise<void>((resolve) => server.#server.listen(server.#path, resolve));
    const { value } = await server.#answers.next();
    if (value === "ready") return server;
    await server.close();
    return "the process that forks does not start";
  }

  private constructor(
    addonPath: string,
    script: string,
    path: string,
    env: Record<string, string>,
  ) {
    this.#path = path;
    this.#server = createServer((socket) => this.#connected?.(socket));
    const args = ["--single-threaded", join(support, "fork-server.mjs"), addonPath, script];
    this.#process = spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { PATH: process.env["PATH"], ...env },
    });
    this.#reader = createInterface({ input: this.#process.stdout! });
    this.#answers = this.#reader[Symbol.asyncIterator]();
  }

  /** One at a time: the next one begins once this one is connected. */
  async child(args: readonly string[]): Promise<Child> {
    const connected = new Promise<Socket>((resolve) => {
      this.#connected = resolve;
    });
    const pid = await this.#ask(["fork", this.#path, ...args]);
    const socket = await connected;
    socket.on("error", () => {});
    const closed = new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
    });
    // Its end of the socket goes before its other files do: it is gone once its parent has waited for it.
    const gone = closed.then(() => this.#ask(["wait", pid]));
    const speech = new Speech(socket, gone);
    return {
      pid,
      kill: () => void process.kill(pid, "SIGKILL"),
      tell: (text) => void socket.write(text),
      next: () => speech.next(),
      said: (word) => speech.said(word),
      ended: gone.then(() => speech.lines),
    };
  }

  async close(): Promise<void> {
    this.#process.stdin!.end();
    await new Promise((resolve) => this.#process.once("close", resolve));
    this.#reader.close();
    this.#server.close();
    rmSync(this.#path, { force: true });
  }

  #ask(question: readonly unknown[]): Promise<number> {
    const answer = this.#last.then(async () => {
      this.#process.stdin!.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await this.#answers.next();
      if (done === true) throw new Error("the process that forks has ended");
      return Number(value);
    });
    this.#last = answer.catch(() => {});
    return answer;
  }
}

let forkServers = 0;
