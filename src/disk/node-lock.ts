// One owner per database directory: a registry for this process, a lock of the kernel's or a lock file
// between processes, and in both cases a `lock` file that names the holder.
// `listen` asks it whether it is in a worker; what is loaded here is not loaded in the middle of the first open.
import "node:cluster";
import { statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { hostname } from "node:os";
import path from "node:path";
import { diskError, lockedError } from "./disk-error.ts";
import { errnoOf } from "./node-file.ts";
import {
  createHolderFile,
  type Holder,
  readHolderFile,
  removeHolderFile,
  replaceHolderFile,
  takeStaleHolderFile,
} from "./node-lock-file.ts";
import type { DiskLock } from "./ports.ts";

/** `socket`: owned by the kernel, gone with the process. `file`: stale ones are told by their pid. */
export type LockMethod = "socket" | "file";

/** Linux has sockets outside the file system; elsewhere a file must do. */
export function lockMethodHere(): LockMethod {
  return process.platform === "linux" ? "socket" : "file";
}

// Under a global symbol, so that two copies of this library in one process see each other.
const REGISTRY: symbol = Symbol.for("varve.locks");

function registry(): Map<string, string> {
  const place = globalThis as unknown as Record<symbol, Map<string, string> | undefined>;
  const owners = place[REGISTRY] ?? new Map<string, string>();
  place[REGISTRY] = owners;
  return owners;
}

/** Takes `directory` for `holder`, or throws `LOCKED` and leaves everything as it was. */
export async function lockDirectory(
  directory: string,
  holder: string,
  method: LockMethod,
): Promise<DiskLock> {
  const identity = identityOf(directory);
  const owners = registry();
  const owner = owners.get(identity);
  if (owner !== undefined) throw lockedError(directory, owner, { pid: process.pid });
  owners.set(identity, holder);
  try {
    const record = holderRecord(holder);
    const file = path.join(directory, "lock");
    const server =
      method === "socket"
        ? await takeSocket(directory, file, identity, record)
        : await takeFile(directory, file, record);
    return new HeldLock({ identity, file, nonce: record.nonce, server });
  } catch (error) {
    owners.delete(identity);
    throw error;
  }
}

// The directory behind a symbolic link counts, not the link.
function identityOf(directory: string): string {
  try {
    const found = statSync(directory, { bigint: true });
    return `${found.dev}-${found.ino}`;
  } catch (cause) {
    throw diskError({ errno: errnoOf(cause), operation: "lock", path: directory, cause });
  }
}

let taken = 0;

function holderRecord(holder: string): Holder {
  const startedMs = Math.round(Date.now() - process.uptime() * 1000);
  taken += 1;
  const nonce = `${process.pid}-${startedMs}-${taken}-${Math.random().toString(36).slice(2)}`;
  const since = new Date().toISOString();
  return { holder, pid: process.pid, host: hostname(), since, startedMs, nonce };
}

async function takeSocket(
  directory: string,
  file: string,
  identity: string,
  record: Holder,
): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  try {
    await listen(server, `\0varve-lock-${identity}`);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "EADDRINUSE") throw await refusal(directory, file);
    throw diskError({ errno, operation: "lock", path: directory, cause });
  }
  try {
    await replaceHolderFile(file, record);
  } catch (cause) {
    await closed(server);
    throw diskError({ errno: errnoOf(cause), operation: "lock", path: file, cause });
  }
  return server;
}

async function takeFile(directory: string, file: string, record: Holder): Promise<undefined> {
  try {
    if (await createHolderFile(file, record)) return undefined;
    if ((await takeStaleHolderFile(file)) && (await createHolderFile(file, record))) {
      return undefined;
    }
  } catch (cause) {
    throw diskError({ errno: errnoOf(cause), operation: "lock", path: file, cause });
  }
  throw await refusal(directory, file);
}

// The winner writes its file after it has the lock: for a moment its name may be unknown.
async function refusal(directory: string, file: string): Promise<Error> {
  const found = await readHolderFile(file);
  if (found === undefined) return lockedError(directory, "another process");
  const { holder, pid, host, since } = found;
  return lockedError(directory, holder, { pid, host, since });
}

function listen(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // `exclusive`: workers of a cluster would otherwise share one listener, and so the lock.
    server.listen({ path: name, exclusive: true }, () => {
      server.off("error", reject);
      server.unref();
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

interface Held {
  readonly identity: string;
  readonly file: string;
  readonly nonce: string;
  readonly server: Server | undefined;
}

class HeldLock implements DiskLock {
  readonly #held: Held;
  #releasing: Promise<void> | undefined;

  constructor(held: Held) {
    this.#held = held;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  // Order: the file goes while the kernel's lock still keeps others from writing theirs.
  async #release(): Promise<void> {
    const { identity, file, nonce, server } = this.#held;
    try {
      await removeHolderFile(file, nonce);
    } catch (cause) {
      throw diskError({ errno: errnoOf(cause), operation: "release", path: file, cause });
    } finally {
      if (server !== undefined) await closed(server);
      registry().delete(identity);
    }
  }
}
