// One open file of the real file system. The handle is opened once; hot calls are synchronous on its
// descriptor, the rest go through libuv's pool.
import { readSync as readDescriptor, writeSync as writeDescriptor } from "node:fs";
import { type DiskOperation, diskError } from "./disk-error.ts";
import type { Descriptor } from "./node-descriptor.ts";
import type { DiskFile } from "./ports.ts";

/** The errno name of whatever a call of node:fs threw. */
export function errnoOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "EUNKNOWN";
}

export class NodeFile implements DiskFile {
  readonly path: string;
  readonly #handle: Descriptor;
  #closed = false;

  constructor(path: string, handle: Descriptor) {
    this.path = path;
    this.#handle = handle;
  }

  readSync(into: Uint8Array, position: number): number {
    let done = 0;
    try {
      const descriptor = this.#descriptor();
      while (done < into.length) {
        const count = readDescriptor(descriptor, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (cause) {
      throw this.#error("read", cause, position + done);
    }
    return done;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    try {
      this.#descriptor();
      while (done < into.length) {
        const left = into.length - done;
        const { bytesRead } = await this.#handle.read(into, done, left, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (cause) {
      throw this.#error("read", cause, position + done);
    }
    return done;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    let done = 0;
    try {
      const descriptor = this.#descriptor();
      // A short count is no error yet: the kernel tells the reason at the next call.
      while (done < bytes.length) {
        const left = bytes.length - done;
        const count = writeDescriptor(descriptor, bytes, done, left, position + done);
        if (count === 0) throw Object.assign(new Error("wrote nothing"), { code: "EIO" });
        done += count;
      }
    } catch (cause) {
      throw this.#error("write", cause, position + done);
    }
  }

  async sync(): Promise<void> {
    try {
      this.#descriptor();
      await this.#handle.datasync();
    } catch (cause) {
      throw this.#error("sync", cause);
    }
  }

  async truncate(size: number): Promise<void> {
    try {
      this.#descriptor();
      await this.#handle.truncate(size);
    } catch (cause) {
      throw this.#error("truncate", cause, size);
    }
  }

  async size(): Promise<number> {
    try {
      this.#descriptor();
      return (await this.#handle.stat()).size;
    } catch (cause) {
      throw this.#error("size", cause);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#handle.close();
    } catch (cause) {
      throw this.#error("close", cause);
    }
  }

  // A descriptor number may be somebody else's once the handle is closed: never pass it on then.
  #descriptor(): number {
    if (this.#closed) throw Object.assign(new Error("file is closed"), { code: "EBADF" });
    return this.#handle.fd;
  }

  #error(operation: DiskOperation, cause: unknown, offset?: number): Error {
    const where = offset === undefined ? {} : { offset };
    return diskError({ errno: errnoOf(cause), operation, path: this.path, cause, ...where });
  }
}
