// What every Disk promises as long as nothing crashes: one suite, run on the real disk and the simulated.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Disk, DiskFile } from "../../src/disk/ports.ts";

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty directory. */
  readonly root: string;
  dispose(): Promise<void>;
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function readAll(file: DiskFile, position: number, count: number): number[] {
  const into = new Uint8Array(count).fill(0xee);
  const found = file.readSync(into, position);
  return [...into.subarray(0, found)];
}

function failing(code: string, details: Record<string, unknown> = {}): unknown {
  return expect.objectContaining({ code, details: expect.objectContaining(details) });
}

export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`${name}, as any disk,`, () => {
    let test: DiskUnderTest;
    let disk: Disk;
    let path: string;

    beforeEach(async () => {
      test = await make();
      disk = test.disk;
      path = disk.join(test.root, "file");
    });

    afterEach(() => test.dispose());

    it("reads back what was written, from any position", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(bytes(1, 2, 3, 4, 5), 0);
      file.writeSync(bytes(9), 2);
      expect(readAll(file, 1, 3)).toEqual([2, 9, 4]);
      const into = new Uint8Array(2);
      expect(await file.read(into, 3)).toBe(2);
      expect([...into]).toEqual([4, 5]);
      expect(file.path).toBe(path);
      await file.close();
    });

    it("keeps a copy of the written bytes, not the caller's buffer", async () => {
      const file = await disk.open(path, "create");
      const buffer = Buffer.from([1, 2, 3]);
      file.writeSync(buffer, 0);
      buffer.fill(7);
      expect(readAll(file, 0, 3)).toEqual([1, 2, 3]);
      await file.close();
    });

    it("returns fewer bytes at the end of a file and none behind it", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(bytes(1, 2, 3), 0);
      expect(readAll(file, 1, 10)).toEqual([2, 3]);
      expect(readAll(file, 3, 10)).toEqual([]);
      expect(readAll(file, 9999, 10)).toEqual([]);
      await file.close();
    });

    it("fills a gap with zeros", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(bytes(7), 10_000);
      expect(await file.size()).toBe(10_001);
      expect(readAll(file, 4090, 10)).toEqual(new Array(10).fill(0));
      await file.close();
    });

    it("shows zeros where a cut file grows again", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(new Uint8Array(9000).fill(5), 0);
      await file.truncate(4098);
      expect(await file.size()).toBe(4098);
      await file.truncate(9000);
      expect(readAll(file, 4096, 5)).toEqual([5, 5, 0, 0, 0]);
      expect(readAll(file, 8999, 5)).toEqual([0]);
      await file.close();
    });

    it("shares one file between its handles", async () => {
      const writer = await disk.open(path, "create");
      const reader = await disk.open(path, "read");
      const sync = disk.openSync(path);
      writer.writeSync(bytes(1, 2), 0);
      expect(readAll(reader, 0, 9)).toEqual([1, 2]);
      expect(readAll(sync, 0, 9)).toEqual([1, 2]);
      expect(await sync.read(new Uint8Array(9), 0)).toBe(2);
      expect(await sync.size()).toBe(2);
      for (const file of [writer, reader, sync]) await file.close();
    });

    it("creates only what is not there and opens only what is", async () => {
      await expect(disk.open(path, "write")).rejects.toEqual(
        failing("NOT_FOUND", { path, operation: "open", errno: "ENOENT" }),
      );
      await expect(disk.open(path, "read")).rejects.toEqual(failing("NOT_FOUND"));
      expect(() => disk.openSync(path)).toThrow(failing("NOT_FOUND") as Error);
      await (await disk.open(path, "create")).close();
      await expect(disk.open(path, "create")).rejects.toEqual(
        failing("EXISTS", { path, operation: "create", errno: "EEXIST" }),
      );
      await expect(disk.open(disk.join(path, "below"), "create")).rejects.toEqual(
        failing("IO", { errno: "ENOTDIR" }),
      );
    });

    it("refuses a directory in place of a file", async () => {
      for (const mode of ["read", "write"] as const) {
        await expect(disk.open(test.root, mode)).rejects.toEqual(
          failing("CORRUPT", { reason: "directory" }),
        );
      }
      expect(() => disk.openSync(test.root)).toThrow(
        failing("CORRUPT", { reason: "directory" }) as Error,
      );
    });

    it("refuses to write through a handle for reading", async () => {
      await (await disk.open(path, "create")).close();
      const file = await disk.open(path, "read");
      expect(() => file.writeSync(bytes(1), 0)).toThrow(
        failing("IO", { path, operation: "write", errno: "EBADF", offset: 0 }) as Error,
      );
      await expect(file.truncate(0)).rejects.toEqual(failing("IO", { errno: "EINVAL" }));
      await file.close();
    });

    it("refuses every use of a closed handle, but not a second close", async () => {
      const file = await disk.open(path, "create");
      await file.close();
      await file.close();
      const closed = failing("IO", { errno: "EBADF" });
      expect(() => file.readSync(new Uint8Array(1), 0)).toThrow(closed as Error);
      expect(() => file.writeSync(bytes(1), 0)).toThrow(closed as Error);
      await expect(file.read(new Uint8Array(1), 0)).rejects.toEqual(closed);
      await expect(file.sync()).rejects.toEqual(closed);
      await expect(file.truncate(0)).rejects.toEqual(closed);
      await expect(file.size()).rejects.toEqual(closed);
    });

    it("keeps a file alive for its handle when the name goes", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(bytes(1), 0);
      await disk.unlink(path);
      expect(await disk.stat(path)).toBeUndefined();
      file.writeSync(bytes(2), 1);
      await file.sync();
      expect(readAll(file, 0, 9)).toEqual([1, 2]);
      await file.close();
    });

    it("renames over what is there, and a handle follows its file", async () => {
      const other = disk.join(test.root, "other");
      const one = await disk.open(path, "create");
      const two = await disk.open(other, "create");
      two.writeSync(bytes(2), 0);
      await disk.rename(path, other);
      one.writeSync(bytes(1), 0);
      expect(await disk.list(test.root)).toEqual(["other"]);
      const found = await disk.open(other, "read");
      expect(readAll(found, 0, 9)).toEqual([1]);
      expect(readAll(two, 0, 9)).toEqual([2]);
      for (const file of [one, two, found]) await file.close();
    });

    it("tells kind, size, links and identity, and nothing of what is not there", async () => {
      const file = await disk.open(path, "create");
      file.writeSync(bytes(1, 2, 3), 0);
      const found = await disk.stat(path);
      expect(found).toMatchObject({ kind: "file", bytes: 3, links: 1 });
      expect((await disk.stat(test.root))?.kind).toBe("directory");
      expect(await disk.stat(disk.join(test.root, "none"))).toBeUndefined();
      expect(await disk.stat(disk.join(path, "below"))).toBeUndefined();
      const other = disk.join(test.root, "other");
      await disk.rename(path, other);
      expect((await disk.stat(other))?.identity).toBe(found?.identity);
      expect((await disk.stat(test.root))?.identity).not.toBe(found?.identity);
      await file.close();
    });

    it("makes one directory at a time", async () => {
      const made = disk.join(test.root, "made");
      await disk.makeDirectory(made);
      await expect(disk.makeDirectory(made)).rejects.toEqual(failing("EXISTS"));
      await expect(disk.makeDirectory(disk.join(test.root, "no", "way"))).rejects.toEqual(
        failing("IO", { errno: "ENOENT" }),
      );
      expect(await disk.list(made)).toEqual([]);
      await (await disk.open(disk.join(made, "a"), "create")).close();
      expect(await disk.list(made)).toEqual(["a"]);
      await disk.syncDirectory(made);
      await disk.syncDirectory(test.root);
    });

    it("fails with the errno where a name is missing", async () => {
      const missing = failing("IO", { errno: "ENOENT" });
      const none = disk.join(test.root, "none");
      await expect(disk.unlink(none)).rejects.toEqual(missing);
      await expect(disk.rename(none, path)).rejects.toEqual(missing);
      await expect(disk.list(none)).rejects.toEqual(missing);
      await expect(disk.syncDirectory(none)).rejects.toEqual(missing);
      await expect(disk.lock(none, "me")).rejects.toEqual(missing);
    });

    it("locks a directory for one owner and names it to the other", async () => {
      const lock = await disk.lock(test.root, "the first");
      expect(await disk.list(test.root)).toEqual(["lock"]);
      await expect(disk.lock(test.root, "the second")).rejects.toEqual(
        failing("LOCKED", { holder: "the first", path: test.root }),
      );
      expect(await disk.list(test.root)).toEqual(["lock"]);
      await lock.release();
      await lock.release();
      expect(await disk.list(test.root)).toEqual([]);
      await (await disk.lock(test.root, "the second")).release();
    });

    it("gives a contended lock to exactly one", async () => {
      const tries = await Promise.allSettled(
        ["a", "b", "c", "d"].map((holder) => disk.lock(test.root, holder)),
      );
      const won = tries.filter((result) => result.status === "fulfilled");
      expect(won).toHaveLength(1);
      for (const result of tries) {
        if (result.status === "rejected") expect(result.reason).toEqual(failing("LOCKED"));
        else await result.value.release();
      }
    });

    it("joins, resolves and takes paths apart", () => {
      const joined = disk.join(test.root, "a", "..", "b");
      expect(disk.resolve(joined)).toBe(joined);
      expect(disk.dirname(joined)).toBe(disk.resolve(test.root));
      expect(disk.resolve(disk.join(test.root, ".", "b"))).toBe(joined);
    });
  });
}
