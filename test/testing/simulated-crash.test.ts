// Kills, power cuts and injected faults on the simulated disk, and what it gives tests to look at.
import { describe, expect, it } from "vitest";
import type { DiskFile } from "../../src/disk/ports.ts";
import { Crash, DeadDiskError } from "../../src/testing/dead-disk.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { dropAll, keepAll, type Survival } from "../../src/testing/survival.ts";
import { crashAt, formatTrace } from "../../src/testing/trace.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** Content after a power cut, or undefined where the name is gone. */
function contentAfter(disk: SimulatedDisk, survival: Survival, path = "/f"): number[] | undefined {
  const cut = disk.powerCut(survival);
  return cut.listAll().includes(path) ? [...cut.readFile(path)] : undefined;
}

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

  it("shorten a large call to 64 parts, however few bytes each may have", async () => {
    const disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    disk.faults.push({ operation: "write", shortBytes: 1 }, { operation: "read", shortBytes: 1 });
    const before = disk.calls;
    file.writeSync(new Uint8Array(2 ** 20).fill(7), 0);
    expect(disk.calls - before).toBe(64);
    const into = new Uint8Array(2 ** 20);
    expect(file.readSync(into, 0)).toBe(into.length);
    expect(await file.read(into.fill(0), 0)).toBe(into.length);
    expect(into.every((byte) => byte === 7)).toBe(true);
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
