// The simulated disk: the contract of every disk, and the axioms of what is durable.
import { beforeEach, describe, expect, it } from "vitest";
import type { DiskFile } from "../../src/disk/ports.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";
import { dropAll, keepAll, type Survival } from "../../src/testing/survival.ts";
import { randomSurvival, survivalFamily } from "../../src/testing/survival-family.ts";
import { diskContract } from "../disk/disk-contract.ts";

diskContract("the simulated disk", async () => {
  const disk = new SimulatedDisk();
  disk.writeFile("/db/x", new Uint8Array());
  disk.removeFile("/db/x");
  return { disk, root: "/db", dispose: async () => {} };
});

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** Content after a power cut, or undefined where the name is gone. */
function contentAfter(disk: SimulatedDisk, survival: Survival, path = "/f"): number[] | undefined {
  const cut = disk.powerCut(survival);
  return cut.listAll().includes(path) ? [...cut.readFile(path)] : undefined;
}

describe("simulated disk axioms", () => {
  let disk: SimulatedDisk;
  let file: DiskFile;

  beforeEach(async () => {
    disk = new SimulatedDisk();
    file = await disk.open("/f", "create");
    await disk.syncDirectory("/");
  });

  it("A1: an asynchronous effect happens at completion, not at the call", async () => {
    const releases: (() => void)[] = [];
    file.writeSync(bytes(1, 2, 3), 0);
    disk.delay = () => new Promise((resolve) => releases.push(resolve));
    const first = file.truncate(1);
    const second = file.truncate(2);
    expect([...disk.readFile("/f")]).toEqual([1, 2, 3]);
    releases[1]?.();
    await second;
    expect([...disk.readFile("/f")]).toEqual([1, 2]);
    releases[0]?.();
    await first;
    expect([...disk.readFile("/f")]).toEqual([1]);
  });

  it("A2: a sync covers what had completed when it was called, and no more", async () => {
    let release = (): void => {};
    file.writeSync(bytes(1), 0);
    disk.delay = (operation) =>
      operation === "sync" ? new Promise((resolve) => (release = resolve)) : Promise.resolve();
    const sync = file.sync();
    file.writeSync(bytes(2), 1);
    release();
    await sync;
    expect([...disk.readFile("/f")]).toEqual([1, 2]);
    expect(contentAfter(disk, dropAll)).toEqual([1]);
    expect(disk.dirtyEffects()).toHaveLength(1);
  });

  it("A2: two syncs that overlap each cover their own", async () => {
    file.writeSync(bytes(1), 0);
    const first = file.sync();
    file.writeSync(bytes(2), 1);
    const second = file.sync();
    file.writeSync(bytes(3), 2);
    await Promise.all([first, second]);
    expect(contentAfter(disk, dropAll)).toEqual([1, 2]);
  });

  it("A3: close, reads, sizes and stats make nothing durable", async () => {
    file.writeSync(bytes(1), 0);
    file.readSync(new Uint8Array(1), 0);
    await file.size();
    await disk.stat("/f");
    await file.close();
    expect(contentAfter(disk, dropAll)).toEqual([]);
  });

  it("A4: a sync makes the length durable", async () => {
    await file.truncate(3);
    await file.sync();
    expect(contentAfter(disk, dropAll)).toEqual([0, 0, 0]);
  });

  it("A5: syncing a file leaves its name at risk, syncing the directory its content", async () => {
    const other = await disk.open("/g", "create");
    other.writeSync(bytes(1), 0);
    await other.sync();
    expect(contentAfter(disk, dropAll, "/g")).toBeUndefined();
    await disk.syncDirectory("/");
    file.writeSync(bytes(1), 0);
    await disk.syncDirectory("/");
    expect(contentAfter(disk, dropAll, "/g")).toEqual([1]);
    expect(contentAfter(disk, dropAll, "/f")).toEqual([]);
  });

  it("A5: syncing a directory leaves its own name in its parent at risk", async () => {
    await disk.makeDirectory("/d");
    await (await disk.open("/d/x", "create")).close();
    await disk.syncDirectory("/d");
    expect(disk.powerCut(dropAll).listAll()).toEqual(["/f"]);
    await disk.syncDirectory("/");
    expect(disk.powerCut(dropAll).listAll()).toEqual(["/d/x", "/f"]);
  });

  it("A6: a rename is durably the old target or the new one", async () => {
    const next = await disk.open("/next", "create");
    next.writeSync(bytes(9), 0);
    await next.sync();
    file.writeSync(bytes(1), 0);
    await file.sync();
    await disk.syncDirectory("/");
    await disk.rename("/next", "/f");
    expect(disk.listAll()).toEqual(["/f"]);
    expect(contentAfter(disk, dropAll)).toEqual([1]);
    expect(contentAfter(disk, keepAll)).toEqual([9]);
    expect(disk.powerCut(dropAll).listAll()).toEqual(["/f", "/next"]);
    await disk.syncDirectory("/");
    expect(contentAfter(disk, dropAll)).toEqual([9]);
  });

  it("A6: a rename may survive without the content of its file", async () => {
    const next = await disk.open("/next", "create");
    next.writeSync(bytes(9), 0);
    await disk.rename("/next", "/f");
    expect(contentAfter(disk, { ...keepAll, files: "lost" })).toEqual([]);
  });

  it("A7: a lost unlink brings the file back, with what was synced", async () => {
    file.writeSync(bytes(1), 0);
    await file.sync();
    await disk.unlink("/f");
    file.writeSync(bytes(2), 1);
    expect(contentAfter(disk, dropAll)).toEqual([1]);
    expect(contentAfter(disk, { ...dropAll, files: "kept" })).toEqual([1, 2]);
    expect(contentAfter(disk, keepAll)).toBeUndefined();
  });

  it("A8: what a failed sync covered stays visible and is never durable", async () => {
    disk.faults.push({ operation: "sync", errno: "EIO" });
    file.writeSync(bytes(1, 1), 0);
    await expect(file.sync()).rejects.toMatchObject({
      code: "IO",
      retryable: false,
      details: { operation: "sync", errno: "EIO" },
    });
    file.writeSync(bytes(2), 2);
    await file.sync();
    expect([...disk.readFile("/f")]).toEqual([1, 1, 2]);
    expect(contentAfter(disk, keepAll)).toEqual([0, 0, 2]);
    expect([...disk.kill().readFile("/f")]).toEqual([1, 1, 2]);
  });

  it("A8: a kill does not bring back what a failed sync lost", async () => {
    disk.faults.push({ operation: "sync", errno: "EIO" });
    file.writeSync(bytes(1), 0);
    await expect(file.sync()).rejects.toThrow();
    const killed = disk.kill();
    const again = await killed.open("/f", "write");
    await again.sync();
    expect(contentAfter(killed, keepAll)).toEqual([]);
  });

  it("A9: a failed write may have applied a prefix", () => {
    disk.faults.push({ operation: "write", errno: "EIO", applied: "prefix", appliedCount: 2 });
    expect(() => file.writeSync(bytes(1, 2, 3), 0)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ offset: 2 }) }) as Error,
    );
    expect([...disk.readFile("/f")]).toEqual([1, 2]);
    expect(contentAfter(disk, keepAll)).toEqual([1, 2]);
    expect(contentAfter(disk, dropAll)).toEqual([]);
  });

  it("A10: no crash touches a byte outside the range of a write", async () => {
    file.writeSync(new Uint8Array(2000).fill(1), 0);
    await file.sync();
    file.writeSync(new Uint8Array(700).fill(2), 100);
    const random = new SimulatedRandom(1);
    const drawn = Array.from({ length: 40 }, () =>
      randomSurvival(disk, random, { piecesPercent: 70 }),
    );
    const seen = new Set<string>();
    for (const survival of [...survivalFamily(disk), ...drawn]) {
      const after = disk.powerCut(survival).readFile("/f");
      const outside = [...after.subarray(0, 100), ...after.subarray(800)];
      expect(outside.every((byte) => byte === 1) && after.length === 2000, survival.label).toBe(
        true,
      );
      seen.add(after.subarray(100, 800).join());
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  it("A11: a length may survive without content, and reads as zeros then", async () => {
    file.writeSync(bytes(1, 2), 0);
    await file.sync();
    file.writeSync(bytes(3, 4, 5), 1);
    const after = survivalFamily(disk).map((survival) => contentAfter(disk, survival)?.join());
    expect(after).toContain("1,2,0,0");
    expect(after).toContain("1,2");
    expect(after).toContain("1,3,4,5");
  });

  it("A12: lists in an order that its seed and the call alone decide", async () => {
    const listings = async (seed: number): Promise<string[]> => {
      const fresh = new SimulatedDisk({ seed });
      for (const name of "abcdefgh") fresh.writeFile(`/${name}`, bytes());
      return [await fresh.list("/"), await fresh.list("/")].map((names) => names.join(""));
    };
    const [first, second] = await listings(7);
    expect([...(first ?? "")].sort().join("")).toBe("abcdefgh");
    expect(first).not.toBe(second);
    expect(await listings(7)).toEqual([first, second]);
    expect(await listings(8)).not.toEqual([first, second]);
  });

  it("A13: a lock dies with its process, and its file stays", async () => {
    await disk.makeDirectory("/db");
    await disk.syncDirectory("/");
    await disk.lock("/db", "first");
    const killed = disk.kill();
    expect(killed.listAll()).toContain("/db/lock");
    await (await killed.lock("/db", "second")).release();
    const cut = disk.powerCut(dropAll);
    expect(cut.listAll()).toContain("/db/lock");
    await (await cut.lock("/db", "third")).release();
    expect(cut.listAll()).not.toContain("/db/lock");
  });

  it("A13: closing or dropping handles does not free a lock", async () => {
    await disk.lock("/", "first");
    await file.close();
    await expect(disk.lock("/", "second")).rejects.toMatchObject({ code: "LOCKED" });
  });

  it("A14: a full disk takes what fits and then says ENOSPC, until there is space", async () => {
    disk.capacityBytes = 2 * 4096;
    expect(() => file.writeSync(new Uint8Array(3 * 4096).fill(1), 100)).toThrow(
      expect.objectContaining({
        code: "DISK_FULL",
        retryable: true,
        details: expect.objectContaining({ errno: "ENOSPC", offset: 8192 }),
      }) as Error,
    );
    expect(await file.size()).toBe(8192);
    await file.truncate(0);
    file.writeSync(new Uint8Array(8192), 0);
    file.writeSync(bytes(1), 4000);
    await file.truncate(8 * 2 ** 20);
    await disk.unlink("/f");
    const other = await disk.open("/g", "create");
    expect(() => other.writeSync(bytes(1), 0)).toThrow("ENOSPC");
    await file.close();
    other.writeSync(bytes(1), 0);
  });

  it("A14: has a limit of open handles", async () => {
    const small = new SimulatedDisk({ openFilesMax: 1 });
    const first = await small.open("/a", "create");
    await expect(small.open("/b", "create")).rejects.toMatchObject({
      retryable: true,
      details: { errno: "EMFILE" },
    });
    expect(small.listAll()).toEqual(["/a"]);
    await first.close();
    expect(small.openFiles).toBe(0);
    await small.open("/b", "create");
  });
});
