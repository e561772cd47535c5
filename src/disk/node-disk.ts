// The Disk of a real machine, on node:fs.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync as openDescriptor,
  type Stats,
} from "node:fs";
import { mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import path from "node:path";
import {
  type DiskOperation,
  diskError,
  type UnsafeFileReason,
  unsafeFileError,
} from "./disk-error.ts";
import { Descriptor } from "./node-descriptor.ts";
import { errnoOf, NodeFile } from "./node-file.ts";
import { type LockMethod, lockDirectory, lockMethodHere } from "./node-lock.ts";
import type { Disk, DiskFile, DiskLock, DiskStat, OpenMode } from "./ports.ts";

// Windows has neither flag. O_NONBLOCK keeps the open of a named pipe from waiting for its other end.
const SAFE_FLAGS = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY | SAFE_FLAGS,
  write: constants.O_RDWR | SAFE_FLAGS,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE_FLAGS,
};

// What a platform answers that cannot open or sync a directory; anything else is a failure.
const NO_DIRECTORY_SYNC: ReadonlySet<string> = new Set([
  "EISDIR",
  "EINVAL",
  "EPERM",
  "EACCES",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
]);

export interface NodeDiskOptions {
  /** How a directory is locked; the default suits the platform. */
  readonly lockMethod?: LockMethod;
}

export class NodeDisk implements Disk {
  readonly #lockMethod: LockMethod;
  #directorySync: "untried" | "supported" | "unsupported" = "untried";

  constructor(options: NodeDiskOptions = {}) {
    this.#lockMethod = options.lockMethod ?? lockMethodHere();
  }

  /** Whether this platform syncs directories, as far as it has been tried. */
  get directorySync(): "untried" | "supported" | "unsupported" {
    return this.#directorySync;
  }

  // A name is found within microseconds, and the way to the pool and back takes a hundred: see D-160.
  async open(file: string, mode: OpenMode): Promise<DiskFile> {
    return openFile(file, mode);
  }

  openSync(file: string): DiskFile {
    return openFile(file, "read");
  }

  async stat(file: string): Promise<DiskStat | undefined> {
    try {
      const stat = lstatSync(file, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
      const identity = `${stat.dev}:${stat.ino}`;
      return { kind, bytes: Number(stat.size), identity, links: Number(stat.nlink) };
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === "ENOTDIR") return undefined;
      throw diskError({ errno, operation: "stat", path: file, cause });
    }
  }

  list(directory: string): Promise<string[]> {
    return attempt("list", directory, () => readdir(directory));
  }

  makeDirectory(directory: string): Promise<void> {
    return attempt("makeDirectory", directory, () => mkdir(directory));
  }

  rename(from: string, to: string): Promise<void> {
    return attempt("rename", from, () => rename(from, to));
  }

  unlink(file: string): Promise<void> {
    return attempt("unlink", file, () => unlink(file));
  }

  async syncDirectory(directory: string): Promise<void> {
    if (this.#directorySync === "unsupported") return;
    try {
      // Windows syncs only what was opened for writing; Linux opens a directory only for reading.
      const handle = await open(directory, process.platform === "win32" ? "r+" : "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      this.#directorySync = "supported";
    } catch (cause) {
      const errno = errnoOf(cause);
      if (this.#directorySync === "untried" && NO_DIRECTORY_SYNC.has(errno)) {
        this.#directorySync = "unsupported";
        return;
      }
      throw diskError({ errno, operation: "syncDirectory", path: directory, cause });
    }
  }

  lock(directory: string, holder: string): Promise<DiskLock> {
    return lockDirectory(directory, holder, this.#lockMethod);
  }

  join(...parts: string[]): string {
    return path.join(...parts);
  }

  dirname(file: string): string {
    return path.dirname(file);
  }

  resolve(file: string): string {
    return path.resolve(file);
  }
}

function openFile(file: string, mode: OpenMode): DiskFile {
  let fd: number;
  try {
    fd = openDescriptor(file, FLAGS[mode]);
  } catch (cause) {
    throw openError(file, mode === "create" ? "create" : "open", cause);
  }
  try {
    assertPlain(file, fstatSync(fd));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return new NodeFile(file, new Descriptor(fd));
}

async function attempt<T>(
  operation: DiskOperation,
  target: string,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw diskError({ errno: errnoOf(cause), operation, path: target, cause });
  }
}

function assertPlain(file: string, stat: Stats): void {
  if (!stat.isFile()) throw unsafeFileError(file, stat.isDirectory() ? "directory" : "not-a-file");
  if (stat.nlink > 1) throw unsafeFileError(file, "hard-linked");
}

// A refusal that is about the kind of thing at the path is told as such.
function openError(file: string, operation: DiskOperation, cause: unknown): Error {
  const errno = errnoOf(cause);
  if (errno !== "EEXIST" && errno !== "ENOENT") {
    const reason = unsafeKind(file);
    if (reason !== undefined) return unsafeFileError(file, reason);
  }
  return diskError({ errno, operation, path: file, cause });
}

function unsafeKind(file: string): UnsafeFileReason | undefined {
  try {
    const stat = lstatSync(file);
    if (stat.isFile()) return undefined;
    if (stat.isSymbolicLink()) return "symlink";
    return stat.isDirectory() ? "directory" : "not-a-file";
  } catch {
    return undefined;
  }
}
