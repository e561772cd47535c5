import { beforeEach, describe, expect, it } from "vitest";
import type { DiskFile } from "../../src/disk/ports.ts";
import { Crash, DeadDiskError } from "../../src/testing/dead-disk.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { dropAll, keepAll, type Survival } from "../../src/testing/survival.ts";
import { crashAt, formatTrace } from "../../src/testing/trace.ts";
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

describe("simulated crash", () => {
  async function run(disk: SimulatedDisk): Promise<void> {
    await disk.makeDirectory("/db");
    const file = await disk.open("/db/f", "create");
    file.writeSync(bytes(1, 2), 0);
    await file.sync();
    await disk.syncDirectory("/db");
    await disk.syncDirectory("/");
    await disk.rename("/db/f", "/db/g");
    await file.close();
    await disk.unlink("/db/g");
  }

  it("stops before or after every call that changes state, and nothing happens later", async () => {
    const whole = new SimulatedDisk();
    await run(whole);
    const order = whole.trace.map(({ operation }) => operation);
    expect(whole.calls).toBe(order.length);
    expect(order).toEqual([
      "makeDirectory",
      "create",
      "write",
      "sync",
      "syncDirectory",
      "syncDirectory",
      "rename",
      "unlink",
    ]);
    let last = "";
    for (let index = 0; index < whole.calls; index++) {
      const stateOf = async (phase: "before" | "after"): Promise<string> => {
        const disk = new SimulatedDisk();
        disk.onCall = crashAt(index, phase);
        await expect(run(disk)).rejects.toBeInstanceOf(DeadDiskError);
        expect(disk.dead).toBe(true);
        const seen = disk.powerCut(keepAll);
        return JSON.stringify([
          seen.listAll().map((path) => [path, [...seen.readFile(path)]]),
          disk.dirtyEffects(),
        ]);
      };
      const before = await stateOf("before");
      if (index > 0) expect(before).toBe(last);
      last = await stateOf("after");
      expect(last).not.toBe(before);
    }
  });

  it("tells the hook what is called, in the order of the effects", async () => {
    const disk = new SimulatedDisk();
    const told: string[] = [];
    disk.onCall = ({ index, operation, phase }) => told.push(`${index} ${phase} ${operation}`);
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1), 0);
    expect(told).toEqual(["0 before create", "0 after create", "1 before write", "1 after write"]);
  });

  it("carries the reason in the error of the call it struck", async () => {
    const disk = new SimulatedDisk();
    disk.onCall = crashAt(0, "before");
    await expect(disk.open("/f", "create")).rejects.toMatchObject({
      cause: new Crash("before call 0"),
    });
  });

  it("kills handles, locks, calls in flight and every method of the old disk", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    const lock = await disk.lock("/", "me");
    let release = (): void => {};
    disk.delay = () => new Promise((resolve) => (release = resolve));
    const inFlight = file.truncate(5);
    const killed = disk.kill();
    release();
    const dead = DeadDiskError;
    await expect(inFlight).rejects.toBeInstanceOf(dead);
    expect(killed.readFile("/f")).toHaveLength(0);
    expect(() => file.writeSync(bytes(1), 0)).toThrow(dead);
    expect(() => file.readSync(bytes(1), 0)).toThrow(dead);
    expect(() => disk.openSync("/f")).toThrow(dead);
    const calls = [
      file.read(bytes(1), 0),
      file.sync(),
      file.truncate(1),
      file.size(),
      file.close(),
      lock.release(),
      disk.open("/f", "write"),
      disk.open("/g", "create"),
      disk.stat("/f"),
      disk.list("/"),
      disk.makeDirectory("/d"),
      disk.rename("/f", "/g"),
      disk.unlink("/f"),
      disk.syncDirectory("/"),
      disk.lock("/", "me"),
    ];
    for (const call of calls) await expect(call).rejects.toBeInstanceOf(dead);
    expect(killed.listAll()).toEqual(["/f", "/lock"]);
    expect(killed.generation).toBe(1);
  });

  it("leaves written bytes to the next process after a kill, still at risk", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1), 0);
    const killed = disk.kill();
    expect([...killed.readFile("/f")]).toEqual([1]);
    expect(killed.dirtyEffects()).toEqual(disk.dirtyEffects());
    expect(killed.powerCut(dropAll).listAll()).toEqual([]);
    const reopened = await killed.open("/f", "write");
    await reopened.sync();
    await killed.syncDirectory("/");
    expect(contentAfter(killed, dropAll)).toEqual([1]);
  });

  it("leaves nothing at risk after a power cut", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1), 0);
    const cut = disk.powerCut(keepAll);
    expect(cut.dirtyEffects()).toEqual([]);
    expect(contentAfter(cut, dropAll)).toEqual([1]);
  });

  it("can cut one disk again and again, and no disk changes another", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1, 1, 1), 0);
    await file.sync();
    await disk.syncDirectory("/");
    file.writeSync(bytes(2), 1);
    const kept = disk.powerCut(keepAll);
    const lost = disk.powerCut(dropAll);
    const clone = disk.clone();
    const writer = await kept.open("/f", "write");
    writer.writeSync(bytes(9), 0);
    await writer.truncate(2);
    await writer.sync();
    file.writeSync(bytes(7), 2);
    expect([...kept.readFile("/f")]).toEqual([9, 2]);
    expect([...lost.readFile("/f")]).toEqual([1, 1, 1]);
    expect([...clone.readFile("/f")]).toEqual([1, 2, 1]);
    expect([...disk.readFile("/f")]).toEqual([1, 2, 7]);
    expect(contentAfter(disk, dropAll)).toEqual([1, 1, 1]);
    expect(contentAfter(kept, dropAll)).toEqual([9, 2]);
  });
});

describe("simulated faults", () => {
  it("strike the chosen occurrence, path and number of times", async () => {
    const disk = new SimulatedDisk();
    disk.faults.push({ operation: "write", path: "seg", occurrence: 2, times: 2, errno: "EIO" });
    const segment = await disk.open("/seg", "create");
    const other = await disk.open("/other", "create");
    const outcome = (file: DiskFile): string => {
      try {
        file.writeSync(bytes(1), 0);
        return "ok";
      } catch {
        return "failed";
      }
    };
    expect([1, 2, 3, 4].map(() => outcome(segment))).toEqual(["ok", "failed", "failed", "ok"]);
    expect(outcome(other)).toBe("ok");
  });

  it("strike for ever, by pattern, until the rule is taken away", async () => {
    const disk = new SimulatedDisk();
    disk.faults.push({ operation: "create", path: /\.log$/, times: "forever", errno: "ENOSPC" });
    for (let time = 0; time < 3; time++) {
      await expect(disk.open("/a.log", "create")).rejects.toMatchObject({ code: "DISK_FULL" });
    }
    await disk.open("/a.txt", "create");
    disk.faults.length = 0;
    await disk.open("/a.log", "create");
  });

  it("may fail a call that has happened", async () => {
    const disk = new SimulatedDisk();
    disk.faults.push({ operation: "create", errno: "EIO", applied: "all" });
    await expect(disk.open("/f", "create")).rejects.toMatchObject({ code: "IO" });
    expect(disk.listAll()).toEqual(["/f"]);
    expect(disk.openFiles).toBe(0);
  });

  it("strike reads, and directory syncs whose names then stay at risk for good", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    disk.faults.push({ operation: "read", errno: "EIO" });
    disk.faults.push({ operation: "syncDirectory", errno: "EIO" });
    expect(() => file.readSync(bytes(1), 0)).toThrow("EIO");
    await expect(disk.syncDirectory("/")).rejects.toMatchObject({ retryable: false });
    await disk.syncDirectory("/");
    expect(disk.powerCut(keepAll).listAll()).toEqual([]);
    expect(disk.listAll()).toEqual(["/f"]);
  });

  it("may make part of a failed sync durable", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    await disk.syncDirectory("/");
    for (let at = 0; at < 4; at++) file.writeSync(bytes(at + 1), at);
    disk.faults.push({ operation: "sync", errno: "EIO", applied: "prefix", appliedCount: 3 });
    await expect(file.sync()).rejects.toThrow();
    await file.sync();
    expect(contentAfter(disk, keepAll)).toEqual([1, 2, 3]);
  });

  it("shorten writes into calls and effects of their own", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    disk.faults.push({ operation: "write", shortBytes: 2 });
    const before = disk.calls;
    file.writeSync(bytes(1, 2, 3, 4, 5), 0);
    expect(disk.calls - before).toBe(3);
    expect([...disk.readFile("/f")]).toEqual([1, 2, 3, 4, 5]);
    expect(disk.dirtyEffects().filter(({ kind }) => kind === "write")).toHaveLength(3);
  });
});

describe("simulated disk in the hands of a test", () => {
  it("grows sparse files for nothing, through clones and cuts", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    await file.truncate(2 ** 40);
    file.writeSync(bytes(1), 2 ** 39);
    expect(await file.size()).toBe(2 ** 40);
    expect(disk.allocatedBytes()).toBe(4096);
    const cut = disk.powerCut(keepAll);
    expect((await cut.stat("/f"))?.bytes).toBe(2 ** 40);
    expect(cut.allocatedBytes()).toBe(4096);
    await file.truncate(1);
    expect(disk.allocatedBytes()).toBe(0);
  });

  it("edits files durably, for damage of every kind", async () => {
    const disk = new SimulatedDisk();
    disk.writeFile("/a/b/f", bytes(1, 2));
    disk.writeFile("/a/b/f", bytes(3));
    disk.writeFile("/a/g", bytes(4));
    disk.removeFile("/a/g");
    expect(disk.dirtyEffects()).toEqual([]);
    const cut = disk.powerCut(dropAll);
    expect(cut.listAll()).toEqual(["/a/b/f"]);
    expect([...cut.readFile("/a/b/f")]).toEqual([3]);
    expect(() => cut.readFile("/a/g")).toThrow(TypeError);
  });

  it("records what was called, as lines to read", async () => {
    const disk = new SimulatedDisk({ trace: "all" });
    const file = await disk.open("/f", "create");
    disk.faults.push({ operation: "write", errno: "EIO" });
    expect(() => file.writeSync(bytes(1, 2), 4)).toThrow();
    file.readSync(bytes(1), 0);
    expect(formatTrace(disk.trace).split("\n")).toEqual([
      "    0 create /f",
      "    1 write /f [4, +2) -> EIO",
      "      read /f [0, +1)",
    ]);
    expect(disk.reads).toBe(1);
    expect(disk.calls).toBe(2);
  });

  it("does the same twice, trace and all", async () => {
    const trace = async (): Promise<string> => {
      const disk = new SimulatedDisk({ seed: 3, trace: "all" });
      for (const name of "abc") {
        const file = await disk.open(`/${name}`, "create");
        file.writeSync(bytes(1), 0);
      }
      return `${formatTrace(disk.trace)}${await disk.list("/")}`;
    };
    expect(await trace()).toBe(await trace());
  });
});
