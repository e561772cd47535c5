// An open file by its number, for NodeFile: node:fs gives FileHandles only to those who wait for them.
import { closeSync, fdatasync, fstat, ftruncate, read as readCallback } from "node:fs";
import { promisify } from "node:util";

const call = {
  fdatasync: promisify(fdatasync),
  fstat: promisify(fstat),
  ftruncate: promisify(ftruncate),
  read: promisify(readCallback),
};

export class Descriptor {
  readonly fd: number;
  readonly #running: Set<Promise<unknown>> = new Set();

  constructor(fd: number) {
    this.fd = fd;
  }

  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    return this.#track(call.read(this.fd, into, offset, length, position));
  }

  datasync(): Promise<void> {
    return this.#track(call.fdatasync(this.fd));
  }

  truncate(size: number): Promise<void> {
    return this.#track(call.ftruncate(this.fd, size));
  }

  stat(): Promise<{ readonly size: number }> {
    return this.#track(call.fstat(this.fd));
  }

  // Order: the number may name somebody else's file once it is closed, so running calls end first.
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    closeSync(this.fd);
  }

  #track<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running);
    const done = (): void => {
      this.#running.delete(running);
    };
    running.then(done, done);
    return running;
  }
}
