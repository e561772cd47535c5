// Runs that are flushed, merged and verified hold what a sorted array would, in process and on threads, and stop when they are told.
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeDisk } from "../../src/disk/node-disk.ts";
import type { Ports } from "../../src/disk/ports.ts";
import { TREE_FOOTER } from "../../src/index/disk-tree-format.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import { isTreeDamage } from "../../src/index/page-reader.ts";
import { Run } from "../../src/index/run.ts";
import type { RunBuilder as Builder } from "../../src/index/run-builder.ts";
import { RunBuilder } from "../../src/index/run-builder.ts";
import type { RunRecord } from "../../src/index/run-record.ts";
import { parseTreeFileName, treeFileName } from "../../src/log/file-names.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Transpiled, transpileFolders } from "../disk/transpile.ts";
import { databaseId, withFooterField } from "./disk-tree-support.ts";
import {
  fixedModels,
  ids,
  layerOf,
  type Models,
  mergedModels,
  modelsArbitrary,
  removalsOf,
  textOfModels,
  textOfRun,
} from "./run-support.ts";

const directory = "/db";

async function simulated(): Promise<SimulatedPorts> {
  const ports = simulatedPorts({ tasks: "automatic" });
  await ports.disk.makeDirectory(directory);
  return ports;
}

/** Flushes layers, the first one the newest, and merges their runs. */
async function flushAndMerge(
  builder: Builder,
  layers: readonly Models[],
): Promise<{ runs: RunRecord[]; merged: RunRecord }> {
  const next = ids();
  const runs: RunRecord[] = [];
  for (const [i, models] of layers.entries()) {
    const first = (layers.length - i) * 10;
    runs.push(await builder.flush(layerOf(models, first, first + 9), next));
  }
  return { runs, merged: await builder.merge(runs, next) };
}

describe("flush and merge", () => {
  it("hold what sorted arrays would, removals counted", async () => {
    const layers = fc.array(modelsArbitrary(60), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(layers, async (layersMade) => {
        const ports = await simulated();
        const builder = new RunBuilder(ports, directory, databaseId, { pageBytes: 512 });
        const { runs, merged } = await flushAndMerge(builder, layersMade);
        for (const [i, models] of layersMade.entries()) {
          expect(await textOfRun(ports.disk, directory, runs[i]!)).toBe(textOfModels(models));
          expect(runs[i]!.removals).toBe(removalsOf(models));
        }
        const model = mergedModels(layersMade);
        expect(await textOfRun(ports.disk, directory, merged)).toBe(textOfModels(model));
        expect(merged.removals).toBe(removalsOf(model));
        expect([merged.firstLsn, merged.lastLsn]).toEqual([10, layersMade.length * 10 + 9]);
        for (const run of [...runs, merged]) await builder.verify(run);
        await builder.stop();
        expect(ports.disk.openFiles).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it("take many slices and steps, and give others a turn between them", async () => {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId);
    let turns = 0;
    const { task } = ports.scheduler;
    ports.scheduler.task = (work) => {
      turns++;
      task.call(ports.scheduler, work);
    };
    const layers = [fixedModels(2, 9000), fixedModels(1, 9000)];
    const { runs, merged } = await flushAndMerge(builder, layers);
    expect(turns).toBeGreaterThan(12);
    const counted = merged.trees.map(({ entries }) => entries);
    const model = mergedModels(layers);
    expect(counted).toEqual(Object.values(model).map(({ entries }) => entries.length));
    expect(merged.removals).toBe(removalsOf(model));
    for (const run of [...runs, merged]) await builder.verify(run);
    await builder.stop();
  });

  it("make no file for a tree without entries, and none at all for none", async () => {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId);
    const empty = { ...fixedModels(1, 0), labels: fixedModels(1, 5).labels };
    const run = await builder.flush(layerOf(empty, 1, 2), ids(7));
    expect(run.trees.map(({ name, treeId, entries }) => [name, treeId, entries])).toEqual([
      ["labels", 7, 5],
    ]);
    expect(ports.disk.listAll()).toEqual([`${directory}/${treeFileName(7, "labels")}`]);
    const none = await builder.flush(layerOf(fixedModels(1, 0), 3, 4), ids(8));
    expect(none).toEqual({ firstLsn: 3, lastLsn: 4, removals: 0, trees: [] });
    await builder.stop();
  });

  it("are refused for runs that are none, out of order, or overlap", async () => {
    const builder = new RunBuilder(await simulated(), directory, databaseId);
    const run = (firstLsn: number, lastLsn: number): RunRecord => ({
      firstLsn,
      lastLsn,
      removals: 0,
      trees: [],
    });
    for (const runs of [[], [run(1, 5), run(6, 9)], [run(5, 9), run(1, 5)]]) {
      expect(() => builder.merge(runs, ids())).toThrow(RangeError);
    }
  });

  it("remove what a crash left under the name, and nothing else", async () => {
    const ports = await simulated();
    ports.disk.writeFile(`${directory}/${treeFileName(1, "keys")}`, Uint8Array.of(1, 2, 3));
    ports.disk.writeFile(`${directory}/${treeFileName(1, "out")}`, Uint8Array.of(4));
    const builder = new RunBuilder(ports, directory, databaseId);
    const models = fixedModels(1, 9);
    const run = await builder.flush(layerOf(models, 1, 2), ids());
    expect(await textOfRun(ports.disk, directory, run)).toBe(textOfModels(models));
    expect(ports.disk.readFile(`${directory}/${treeFileName(1, "out")}`)).toEqual(Uint8Array.of(4));
    await builder.stop();
  });
});

describe("a stop", () => {
  it("ends what runs with IO, leaves no handle and no file, and allows nothing after", async () => {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId);
    const layer = layerOf(fixedModels(1, 9000), 1, 2);
    const [first, second] = [builder.flush(layer, ids(1)), builder.flush(layer, ids(50))];
    const failed = Promise.all([first, second].map((work) => work.catch((error) => error.code)));
    for (let turn = 0; turn < 5; turn++) {
      await new Promise<void>((resolve) => ports.scheduler.task(resolve));
    }
    await builder.stop();
    expect(await failed).toEqual(["IO", "IO"]);
    expect(ports.disk.openFiles).toBe(0);
    expect(ports.disk.listAll()).toEqual([]);
    let starts = 0;
    const { start } = ports.workers;
    ports.workers.start = (module, disk) => {
      starts++;
      return start.call(ports.workers, module, disk);
    };
    await expect(builder.flush(layer, ids())).rejects.toMatchObject({ code: "IO" });
    expect(starts).toBe(0);
  });

  it("ends a merge too, and leaves what was to be merged", async () => {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId);
    const next = ids();
    const newer = await builder.flush(layerOf(fixedModels(2, 9000), 5, 6), next);
    const older = await builder.flush(layerOf(fixedModels(1, 9000), 1, 4), next);
    const files = ports.disk.listAll();
    const merge = builder.merge([newer, older], next).catch((error) => error.code);
    for (let turn = 0; turn < 3; turn++) {
      await new Promise<void>((resolve) => ports.scheduler.task(resolve));
    }
    await builder.stop();
    expect(await merge).toBe("IO");
    expect(ports.disk.openFiles).toBe(0);
    expect(ports.disk.listAll()).toEqual(files);
  });

  it("ends a check whose second tree fails sooner than the first, and only those who wait hear of it", async () => {
    const ports = await simulated();
    const run = await new RunBuilder(ports, directory, databaseId).flush(
      layerOf(fixedModels(1, 90), 1, 2),
      ids(),
    );
    let answerForFirst: (answer: unknown) => void = () => {};
    const first = new Promise<unknown>((resolve) => {
      answerForFirst = resolve;
    });
    const firstPath = path.posix.join(
      directory,
      treeFileName(run.trees[0]!.treeId, run.trees[0]!.name),
    );
    const request = (message: unknown): Promise<unknown> =>
      JSON.stringify(message).includes(firstPath)
        ? first
        : new Promise((resolve) => setImmediate(resolve));
    ports.workers.start = () => ({ request, stop: () => Promise.resolve() });
    const unheard: unknown[] = [];
    const hear = (error: unknown): unknown => unheard.push(error);
    process.on("unhandledRejection", hear);
    try {
      const builder = new RunBuilder(ports, directory, databaseId);
      const checked = builder.findDamage(run).catch((error) => error.code);
      await someTurns();
      const stopped = builder.stop();
      await someTurns();
      answerForFirst(undefined);
      expect(await checked).toBe("IO");
      await stopped;
      expect(unheard).toEqual([]);
    } finally {
      process.off("unhandledRejection", hear);
    }
  });
});

/** Real ones: what nobody hears of is told at the end of one. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a worker that dies", () => {
  it("takes the flush along, its handles and files, and the next request starts another", async () => {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId);
    const models = fixedModels(1, 9000);
    const flush = builder.flush(layerOf(models, 1, 2), ids()).catch((error) => error.code);
    for (let turn = 0; turn < 5; turn++) {
      await new Promise<void>((resolve) => ports.scheduler.task(resolve));
    }
    ports.workers.kill();
    expect(await flush).toBe("IO");
    expect(ports.disk.openFiles).toBe(0);
    expect(ports.disk.listAll()).toEqual([]);
    await builder.verify(await builder.flush(layerOf(fixedModels(1, 50), 1, 2), ids(100)));
    await builder.stop();
  });
});

describe("damage in a run", () => {
  async function flushed(): Promise<{ ports: SimulatedPorts; run: RunRecord; files: string[] }> {
    const ports = await simulated();
    const builder = new RunBuilder(ports, directory, databaseId, { pageBytes: 512 });
    const run = await builder.flush(layerOf(fixedModels(1, 200), 1, 2), ids());
    await builder.stop();
    return { ports, run, files: ports.disk.listAll() };
  }
  const open = (ports: SimulatedPorts, run: RunRecord, id = databaseId): Promise<Run> =>
    Run.open(ports.disk, directory, run, id, new PageCache(2 ** 20));

  it("is told by the opening where a file is missing, cut, longer or another one", async () => {
    for (const [i, spoil] of [
      (ports: SimulatedPorts, file: string) => ports.disk.removeFile(file),
      (ports: SimulatedPorts, file: string) =>
        ports.disk.writeFile(file, ports.disk.readFile(file).slice(0, -1)),
      (ports: SimulatedPorts, file: string) => ports.disk.writeFile(file, new Uint8Array(0)),
      (ports: SimulatedPorts, file: string) =>
        ports.disk.writeFile(file, Uint8Array.from([...ports.disk.readFile(file), 0])),
      (ports: SimulatedPorts, file: string, files: string[]) =>
        ports.disk.writeFile(file, ports.disk.readFile(files[3]!)),
      (ports: SimulatedPorts, file: string) =>
        ports.disk.writeFile(file, withFooterField(ports.disk.readFile(file), TREE_FOOTER.kind, 0)),
    ].entries()) {
      const { ports, run, files } = await flushed();
      spoil(ports, files[2]!, files);
      const error = await open(ports, run).catch((thrown: unknown) => thrown);
      expect([i, isTreeDamage(error)]).toEqual([i, true]);
      expect(ports.disk.openFiles).toBe(0);
    }
  });

  it("is told where the record says something else", async () => {
    const { ports, run } = await flushed();
    const [tree, ...rest] = run.trees;
    for (const other of [
      { ...run, lastLsn: 3 },
      { ...run, firstLsn: 0 },
      { ...run, trees: [{ ...tree!, entries: 1 }, ...rest] },
    ]) {
      expect(isTreeDamage(await open(ports, other).catch((thrown: unknown) => thrown))).toBe(true);
    }
    const stranger = await open(ports, run, new Uint8Array(16)).catch((thrown: unknown) => thrown);
    expect(isTreeDamage(stranger)).toBe(true);
    const sound = await open(ports, run);
    expect(sound.bytes).toBe(run.trees.reduce((sum, { bytes }) => sum + bytes, 0));
    await sound.close();
    await sound.close();
    expect(ports.disk.openFiles).toBe(0);
  });

  it("is not what a disk says that cannot read", async () => {
    const { ports, run } = await flushed();
    ports.disk.faults.push({ operation: "open", errno: "EIO" });
    const error = await open(ports, run).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "IO", details: { errno: "EIO" } });
    expect(isTreeDamage(error)).toBe(false);
  });

  it("is found by verify in every page", async () => {
    const { ports, run, files } = await flushed();
    const builder = new RunBuilder(ports, directory, databaseId);
    for (const file of files) {
      const bytes = ports.disk.readFile(file);
      for (let at = 100; at < bytes.length; at += 509) {
        const spoilt = bytes.slice();
        spoilt[at]! ^= 1;
        ports.disk.writeFile(file, spoilt);
        const error = await builder.verify(run).catch((thrown: unknown) => thrown);
        expect(isTreeDamage(error)).toBe(true);
      }
      ports.disk.writeFile(file, bytes);
    }
    await builder.verify(run);
    await builder.stop();
    expect(ports.disk.openFiles).toBe(0);
  });
});

describe("names of tree files", () => {
  it("are read back, and no others are", () => {
    for (const id of [0, 1, 9_999_999_999, 10_000_000_000, Number.MAX_SAFE_INTEGER]) {
      expect(parseTreeFileName(treeFileName(id, "out"))).toEqual({ treeId: id, name: "out" });
    }
    for (const name of ["1-out.tree", "00000000001-out.tree", "0000000001-ou.tree", "x"]) {
      expect(parseTreeFileName(name)).toBeUndefined();
    }
  });
});

describe("threads on a real disk", () => {
  let built: Transpiled;
  let folder: string;
  beforeAll(async () => {
    built = await transpileFolders(["disk", "codec", "log", "index"]);
    folder = await mkdtemp(path.join(tmpdir(), "varve-runs-"));
  });
  afterAll(async () => {
    await built.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function threaded(): Promise<Builder> {
    const module = await import(built.url("index/run-builder"));
    const ports: Ports = (await import(built.url("disk/node-ports"))).nodePorts();
    return new module.RunBuilder(ports, folder, databaseId, { pageBytes: 512 });
  }

  it("write what sorted arrays hold, and tell of damage as the disk in process does", async () => {
    const builder = await threaded();
    const layers = [fixedModels(3, 500), fixedModels(2, 300), fixedModels(1, 700)];
    const { runs, merged } = await flushAndMerge(builder, layers);
    const model = mergedModels(layers);
    const disk = new NodeDisk();
    expect(await textOfRun(disk, folder, merged)).toBe(textOfModels(model));
    expect(merged.removals).toBe(removalsOf(model));
    for (const run of [...runs, merged]) await builder.verify(run);
    const [spoilt] = merged.trees;
    await truncate(path.join(folder, treeFileName(spoilt!.treeId, spoilt!.name)), 100);
    await expect(builder.verify(merged)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { tree: true },
    });
    await builder.stop();
  });

  it("leave nothing behind when they are stopped in the middle", async () => {
    const builder = await threaded();
    const before = await readdir(folder);
    const layer = layerOf(fixedModels(1, 20_000), 1, 2);
    const flush = builder.flush(layer, ids(1000)).catch((error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await builder.stop();
    expect(await flush).toBe("IO");
    expect((await readdir(folder)).sort()).toEqual(before.sort());
  });
});
