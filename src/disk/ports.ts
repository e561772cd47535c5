// The ports: every way in which the engine touches the world outside its own memory. This file owns the
// interfaces and what each call promises; adapters are node-*.ts here and the simulated ones in src/testing.

/** Stops a pending `Scheduler.after`; calling it late or twice does nothing. */
export type Cancel = () => void;

/** `read`: must exist, writes fail. `write`: must exist, reads and writes. `create`: must not exist. */
export type OpenMode = "read" | "write" | "create";

export interface DiskStat {
  /** A symbolic link is `other`: it is never followed. */
  readonly kind: "file" | "directory" | "other";
  readonly bytes: number;
  /** Names the file itself, whatever its path: two paths with one identity are one file. */
  readonly identity: string;
  /** Hard links; 1 for a file that has one name. */
  readonly links: number;
}

/**
 * One open file. Positional reads and writes only; there is no cursor and no append mode.
 *
 * Errors are `VarveError`: `DISK_FULL` (no space, quota, file size limit), otherwise `IO`, with
 * `details` `{ path, operation, errno, offset? }`. Use after `close()` is `IO` with errno `EBADF`.
 */
export interface DiskFile {
  readonly path: string;

  /**
   * Reads from `position` until `into` is full or the file ends, and returns the bytes read. Sees every
   * write that has returned, durable or not.
   */
  readSync(into: Uint8Array, position: number): number;

  /** As `readSync`, off the event loop. `into` must not be touched until it resolves. */
  read(into: Uint8Array, position: number): Promise<number>;

  /**
   * Writes all of `bytes` at `position`, short writes included; a gap before it reads as zeros. When it
   * returns the bytes are visible to every reader and survive the kill of this process. A crash of the
   * machine may lose them, keep them, or keep any part of them, whatever happens to other writes, until
   * a `sync` that was called after the return has resolved.
   *
   * When it throws, none, a prefix or any part of the range may have been written.
   */
  writeSync(bytes: Uint8Array, position: number): void;

  /**
   * Makes durable every write and truncate that had completed when `sync` was *called*, and the length
   * needed to read them back; what completes later stays at risk. It does not make the file's name
   * durable: that takes `syncDirectory`.
   *
   * When it rejects, nothing is known about the writes it covered: they stay readable, and no later
   * `sync` will ever write them. It must not be retried.
   */
  sync(): Promise<void>;

  /**
   * Sets the length: cuts, or grows by zeros that take no space. At risk until synced, and as a whole:
   * a crash keeps it or loses it.
   */
  truncate(size: number): Promise<void>;

  size(): Promise<number>;

  /** Gives the handle back. Makes nothing durable. Closing twice does nothing. */
  close(): Promise<void>;
}

export interface DiskLock {
  /** Frees the directory for the next owner. Releasing twice does nothing. */
  release(): Promise<void>;
}

/**
 * Files, directories and the lock. Paths are strings made by `join` and `resolve` of the same disk.
 *
 * Names: a create, rename or unlink is visible at once and at risk, each on its own, until a
 * `syncDirectory` of its directory that was called after it has resolved.
 *
 * Errors are `VarveError`: `NOT_FOUND` (only `open`), `EXISTS`, `DISK_FULL`, `LOCKED` (only `lock`),
 * `CORRUPT` (`open` of something that is no plain file with one name), otherwise `IO`.
 */
export interface Disk {
  /**
   * Opens a regular file. Symbolic links, directories, devices and files with a second hard link are
   * refused with `CORRUPT` and `details.reason`: a data file is none of these.
   */
  open(path: string, mode: OpenMode): Promise<DiskFile>;

  /**
   * Opens an existing file for reading, at once: for synchronous reads that need a sealed file whose
   * handle is not in the cache. Same errors as `open`. Opening changes nothing and needs no sync.
   */
  openSync(path: string): DiskFile;

  /** What is at `path`, or undefined where nothing is. Does not follow a symbolic link. */
  stat(path: string): Promise<DiskStat | undefined>;

  /** The names in a directory, in no particular order, and not the same order each time. */
  list(path: string): Promise<string[]>;

  /** Makes one directory; its parent must exist. `EXISTS` where something has that name. */
  makeDirectory(path: string): Promise<void>;

  /** Gives a file another name at once, replacing what had it. Does not sync content. */
  rename(from: string, to: string): Promise<void>;

  /** Removes a name. An open handle on the file keeps working. */
  unlink(path: string): Promise<void>;

  /**
   * Makes durable the names created, renamed and removed in this directory before the call; not the
   * contents of the files, and not this directory's own name in its parent. Where the platform has no
   * such thing it resolves, and the file system's own journal is all there is.
   */
  syncDirectory(path: string): Promise<void>;

  /**
   * Takes the directory `path` for one owner; whoever dies loses it. `holder` is told to those who are
   * refused. The owner's `lock` file in the directory names it, holds no data and may be left behind
   * by a crash.
   *
   * Throws `LOCKED` with `details.holder`, and changes nothing then.
   */
  lock(path: string, holder: string): Promise<DiskLock>;

  join(...parts: string[]): string;
  dirname(path: string): string;
  /** The absolute form of a path, without `.` and `..`. */
  resolve(path: string): string;
}

export interface Clock {
  /** Milliseconds since 1970, as the machine believes; may jump either way. */
  wallMs(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
}

export interface Random {
  /** A fresh array of `count` random bytes. */
  bytes(count: number): Uint8Array;
}

export interface Scheduler {
  /** Runs `task` at the end of the running turn, before any I/O. */
  microtask(task: () => void): void;
  /** Runs `task` in a later turn, after waiting I/O had its chance. */
  task(task: () => void): void;
  /** Runs `task` once, no sooner than `ms` from now. Does not keep the process alive. */
  after(ms: number, task: () => void): Cancel;
}

/** What a module that runs in a worker exports as `handle`; `disk` is the one the actor was started with, or its equal. */
export type ActorHandler = (message: unknown, disk: Disk) => ActorReply | Promise<ActorReply>;

/** `transfer` lists the buffers of `result` that move to the caller instead of being copied. */
export interface ActorReply {
  readonly result: unknown;
  readonly transfer?: ArrayBuffer[];
}

export interface WorkerActor {
  /** Whether it works on a thread of its own: then requests may take longer without holding up this one. */
  readonly isThread?: boolean;
  /**
   * Sends a structured-clonable message and resolves with the result of the module's `handle`. The
   * buffers in `transfer` move and are empty here afterwards. Requests are handled one at a time, in
   * order. Rejects with what `handle` threw (a `VarveError` with its code, details and retryable, a
   * `TypeError` or `RangeError` as such, anything else as an `Error` with its message), or with
   * `VarveError` `IO` and `details.operation` `worker` when the worker dies or is stopped.
   */
  request(message: unknown, transfer?: ArrayBuffer[]): Promise<unknown>;
  /**
   * Ends the worker: what is pending rejects, and what waits its turn never begins. A thread is cut off
   * in the middle; a handler that runs in process goes on to its own end, so requests should be short.
   */
  stop(): Promise<void>;
}

export interface Workers {
  /**
   * Starts an actor on a module that exports `handle: ActorHandler`; see `siblingModule`. On a thread the
   * handler gets a disk of its own that is as good as `disk`; where there is none, as for a disk that
   * is simulated or wrapped, the actor runs in process with `disk` itself.
   */
  start(module: URL, disk: Disk): WorkerActor;
  /** Whether an actor that is started so would have a thread of its own; without this none has. */
  hasThread?(module: URL, disk: Disk): boolean;
}

export interface Ports {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly workers: Workers;
}
