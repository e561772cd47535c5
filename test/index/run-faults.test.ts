// Flush and merge when the disk fails, fills up or dies at each of their calls: nothing stays open, and what stays is whole or unnamed.
import { describe, expect, it } from "vitest";
import { type DiskOperation, diskError } from "../../src/disk/disk-error.ts";
import type { Disk, DiskFile, DiskLock, DiskStat, OpenMode, Ports } from "../../src/disk/ports.ts";
import { RunBuilder } from "../../src/index/run-builder.ts";
import type { RunRecord } from "../../src/index/run-record.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { dropAll, keepAll } from "../../src/testing/survival.ts";
import { crashAt } from "../../src/testing/trace.ts";
import { databaseId } from "./disk-tree-support.ts";
import { fixedModels, ids, layerOf, mergedModels, textOfModels, textOfRun } from "./run-support.ts";

const directory = "/db";
const newer = fixedModels(2, 40);
const older = fixedModels(1, 40);

/** Fails its call with a number, reads included; the call has no effect, but for a close. */
class FailingDisk implements Disk {
  calls = 0;
  failAt = -1;
  errno = "EIO";
  readonly inner = new SimulatedDisk();

  meet(operation: DiskOperation, path: string): void {
    if (this.calls++ === this.failAt) throw diskError({ errno: this.errno, operation, path });
  }
  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    this.meet(mode === "create" ? "create" : "open", path);
    return new FailingFile(await this.inner.open(path, mode), this);
  }
  openSync(path: string): DiskFile {
    this.meet("open", path);
    return new FailingFile(this.inner.openSync(path), this);
  }
  async stat(path: string): Promise<DiskStat | undefined> {
    this.meet("stat", path);
    return this.inner.stat(path);
  }
  list(path: string): Promise<string[]> {
    return this.inner.list(path);
  }
  makeDirectory(path: string): Promise<void> {
    return this.inner.makeDirectory(path);
  }
  rename(from: string, to: string): Promise<void> {
    return this.inner.rename(from, to);
  }
  async unlink(path: string): Promise<void> {
    this.meet("unlink", path);
    return this.inner.unlink(path);
  }
  syncDirectory(path: string): Promise<void> {
    return this.inner.syncDirectory(path);
  }
  lock(path: string, holder: string): Promise<DiskLock> {
    return this.inner.lock(path, holder);
  }
  join(...parts: string[]): string {
    return this.inner.join(...parts);
  }
  dirname(path: string): string {
    return this.inner.dirname(path);
  }
  resolve(path: string): string {
    return this.inner.resolve(path);
  }
}

class FailingFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #disk: FailingDisk;
  constructor(file: DiskFile, disk: FailingDisk) {
    this.#file = file;
    this.#disk = disk;
  }
  get path(): string {
    return this.#file.path;
  }
  readSync(into: Uint8Array, position: number): number {
    this.#disk.meet("read", this.path);
    return this.#file.readSync(into, position);
  }
  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position);
  }
  writeSync(bytes: Uint8Array, position: number): void {
    this.#disk.meet("write", this.path);
    this.#file.writeSync(bytes, position);
  }
  async sync(): Promise<void> {
    this.#disk.meet("sync", this.path);
    return this.#file.sync();
  }
  truncate(size: number): Promise<void> {
    return this.#file.truncate(size);
  }
  async size(): Promise<number> {
    this.#disk.meet("size", this.path);
    return this.#file.size();
  }
  async close(): Promise<void> {
    await this.#file.close();
    this.#disk.meet("close", this.path);
  }
}

interface Stage {
  readonly disk: FailingDisk;
  readonly builder: RunBuilder;
  readonly next: () => number;
  readonly runs: readonly RunRecord[];
  readonly files: readonly string[];
}

/** Two runs on a disk, which are there for good. */
async function staged(): Promise<Stage> {
  const disk = new FailingDisk();
  await disk.makeDirectory(directory);
  const ports: Ports = { ...simulatedPorts({ tasks: "automatic" }), disk };
  const builder = new RunBuilder(ports, directory, databaseId, { pageBytes: 512 });
  const next = ids();
  const first = await builder.flush(layerOf(older, 1, 4), next);
  const runs = [await builder.flush(layerOf(newer, 5, 9), next), first];
  await disk.syncDirectory(directory);
  await disk.syncDirectory("/");
  return { disk, builder, next, runs, files: disk.inner.listAll() };
}

const works: Readonly<Record<string, (stage: Stage) => Promise<RunRecord>>> = {
  flush: ({ builder, next }) => builder.flush(layerOf(newer, 10, 19), next),
  merge: ({ builder, next, runs }) => builder.merge(runs, next),
};
const expected = {
  flush: textOfModels(newer),
  merge: textOfModels(mergedModels([newer, older])),
} as Readonly<Record<string, string>>;

describe.each(Object.keys(works))("a %s", (name) => {
  const work = works[name]!;

  it.each([
    ["EIO", "IO"],
    ["ENOSPC", "DISK_FULL"],
  ])(
    "that meets %s at any call leaves no handle and no file, and works again",
    async (errno, code) => {
      const stage = await staged();
      const { disk } = stage;
      const before = disk.calls;
      await work(stage);
      const calls = disk.calls - before;
      expect(calls).toBeGreaterThanOrEqual(30);
      const kept = disk.inner.listAll();
      for (let call = 0; call < calls; call++) {
        disk.errno = errno;
        disk.failAt = disk.calls + call;
        const error = await work(stage).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code, details: { errno } });
        expect(disk.inner.openFiles).toBe(0);
        expect(disk.inner.listAll()).toEqual(kept);
      }
      disk.failAt = -1;
      expect(await textOfRun(disk, directory, await work(stage))).toBe(expected[name]);
      await stage.builder.stop();
    },
  );

  it("that a crash cuts off at any call leaves what was there, and no file with its name", async () => {
    const { disk: counting, ...rest } = await staged();
    const before = counting.inner.calls;
    await work({ disk: counting, ...rest });
    const calls = counting.inner.calls - before;
    expect(calls).toBeGreaterThan(12);
    for (let call = 0; call < calls; call++) {
      const stage = await staged();
      const { inner } = stage.disk;
      inner.onCall = crashAt(inner.calls + call, call % 2 === 0 ? "before" : "after");
      await expect(work(stage)).rejects.toThrow();
      for (const survival of [dropAll, keepAll]) {
        const disk = inner.powerCut(survival);
        expect(disk.listAll()).toEqual(expect.arrayContaining([...stage.files]));
        expect(await textOfRun(disk, directory, stage.runs[0]!)).toBe(textOfModels(newer));
        expect(await textOfRun(disk, directory, stage.runs[1]!)).toBe(textOfModels(older));
        // The next life hands the same ids out again, over whatever is there.
        const ports: Ports = { ...simulatedPorts({ tasks: "automatic" }), disk };
        const builder = new RunBuilder(ports, directory, databaseId, { pageBytes: 512 });
        const again = { ...stage, builder, next: ids(13) };
        expect(await textOfRun(disk, directory, await work(again))).toBe(expected[name]);
        await builder.stop();
      }
    }
  });

  it("is durable once its directory is", async () => {
    const stage = await staged();
    const run = await work(stage);
    await stage.disk.syncDirectory(directory);
    const disk = stage.disk.inner.powerCut(dropAll);
    expect(await textOfRun(disk, directory, run)).toBe(expected[name]);
  });
});
