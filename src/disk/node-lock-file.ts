// The `lock` file: who holds a directory, and how to tell that its holder is gone where no kernel lock
// says so. Two processes that find the same stale file at the same time are told apart by a rename;
// what is left of that race is closed by the epoch in the manifest.
import { writeFileSync } from "node:fs";
import { link, readFile, rename, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { errnoOf } from "./node-file.ts";

export interface Holder {
  readonly holder: string;
  readonly pid: number;
  readonly host: string;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
  /** When the holding process started, milliseconds since 1970: tells a reused pid from its owner. */
  readonly startedMs: number;
  readonly nonce: string;
}

// Two readings of one process's start differ by clock steps of this size at most.
const startedToleranceMs = 2000;

/** Writes the file where there is none; false where there is one. */
export async function createHolderFile(file: string, record: Holder): Promise<boolean> {
  try {
    writeFileSync(file, `${JSON.stringify(record)}\n`, { flag: "wx" });
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Writes the file in place of what an earlier holder left. Only the owner of a kernel lock may. */
export async function replaceHolderFile(file: string, record: Holder): Promise<void> {
  if (await createHolderFile(file, record)) return;
  // Removing, not overwriting: the name may be a link to a file of somebody else's.
  await unlink(file);
  if (!(await createHolderFile(file, record))) {
    throw Object.assign(new Error("lock file came back"), { code: "EEXIST" });
  }
}

/** Removes the file if it is still the one with `nonce`. */
export async function removeHolderFile(file: string, nonce: string): Promise<void> {
  if ((await readHolderFile(file))?.nonce !== nonce) return;
  await unlink(file);
}

/** The holder that the file names; undefined where there is no file or it is not whole. */
export async function readHolderFile(file: string): Promise<Holder | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    return isHolder(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(found: unknown): found is Holder {
  if (typeof found !== "object" || found === null) return false;
  const fields = found as Readonly<Record<string, unknown>>;
  const texts = ["holder", "host", "since", "nonce"];
  const numbers = ["pid", "startedMs"];
  return (
    texts.every((name) => typeof fields[name] === "string") &&
    numbers.every((name) => typeof fields[name] === "number")
  );
}

/** Moves a file away whose holder is gone; true when the name is free for the caller to try. */
export async function takeStaleHolderFile(file: string): Promise<boolean> {
  const found = await readHolderFile(file);
  // A file that is not whole is being written, or was left by a crash in between: leave it be.
  if (found === undefined || !isGone(found)) return false;
  const aside = `${file}-stale-${process.pid}-${found.nonce}`;
  try {
    await rename(file, aside);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return true;
    throw cause;
  }
  const moved = await readHolderFile(aside);
  if (moved?.nonce === found.nonce) {
    await unlink(aside);
    return true;
  }
  // Somebody was faster, and this is the file of a living owner: put it back, unless it has a new one.
  await link(aside, file).catch(() => {});
  await unlink(aside);
  return false;
}

function isGone(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  if (holder.pid === process.pid) {
    const startedMs = Date.now() - process.uptime() * 1000;
    return Math.abs(startedMs - holder.startedMs) > startedToleranceMs;
  }
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (cause) {
    return errnoOf(cause) === "ESRCH";
  }
}
