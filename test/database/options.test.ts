// Holds the options of `open` to what they promise: undefined anywhere, nothing unknown, kinds and ranges.
import { describe, expect, it } from "vitest";
import { settingsFrom } from "../../src/database/options.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { open } from "../../src/varve.ts";
import { codeOf, machine } from "./support.ts";

const names = [
  "create",
  "exclusive",
  "readOnly",
  "durability",
  "memoryBudget",
  "segmentBytes",
  "allocationFlushMs",
  "syncIntervalMs",
  "history",
  "maxConsumerLag",
  "recovery",
  "implicitNodes",
  "maxTransactionBytes",
  "maxPendingBytes",
  "signal",
  "disk",
  "clock",
  "random",
  "scheduler",
  "workers",
] as const;

const ranges = [
  ["memoryBudget", 16 * 2 ** 20, Number.MAX_SAFE_INTEGER],
  ["segmentBytes", 64 * 1024, 2 ** 30],
  ["allocationFlushMs", 0, 2 ** 31 - 1],
  ["syncIntervalMs", 0, 2 ** 31 - 1],
  ["maxConsumerLag", 0, Number.MAX_SAFE_INTEGER],
  ["maxTransactionBytes", 1024, 2 ** 30],
  ["maxPendingBytes", 1024, Number.MAX_SAFE_INTEGER],
] as const;

describe("options", () => {
  it("take undefined, each of them, for the default", () => {
    const defaults = settingsFrom({});
    for (const name of names) {
      const settings = settingsFrom({ [name]: undefined });
      expect({ ...settings, ports: undefined }).toEqual({ ...defaults, ports: undefined });
    }
    expect(defaults).toMatchObject({
      create: true,
      exclusive: false,
      durability: "group",
      memoryBudget: 256 * 2 ** 20,
      segmentBytes: 64 * 2 ** 20,
      allocationFlushMs: 5000,
      syncIntervalMs: 1000,
      history: "all",
      maxConsumerLag: Number.POSITIVE_INFINITY,
      implicitNodes: false,
      maxTransactionBytes: 64 * 2 ** 20,
      maxPendingBytes: 256 * 2 ** 20,
    });
  });

  it.each(ranges)("%s: a RangeError outside its range, named with it", (name, min, max) => {
    for (const good of [min, max]) expect(settingsFrom({ [name]: good })[name]).toBe(good);
    for (const bad of [min - 1, max + 1, min + 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => settingsFrom({ [name]: bad })).toThrow(RangeError);
      expect(() => settingsFrom({ [name]: bad })).toThrow(new RegExp(`${name}.*${min}.*${max}`));
    }
    for (const bad of ["1", null, {}, true]) {
      expect(() => settingsFrom({ [name]: bad } as never)).toThrow(TypeError);
    }
  });

  it("are a TypeError where they are unknown or of the wrong kind", () => {
    for (const bad of [
      { creat: true },
      { create: 1 },
      { exclusive: "yes" },
      { history: "newest" },
      { history: null },
      { history: {} },
      { history: { keepMs: "1" } },
      { history: { keepMs: 1, keepEvents: 1 } },
      { history: { keepDays: 1 } },
      { recovery: "point-in-time" },
      { recovery: "salvage", readOnly: true },
      { durability: "none" },
      { durability: { intervalMs: "1" } },
      { durability: { intervalMs: 1, more: 1 } },
      { durability: null },
      { readOnly: 1 },
      { readOnly: true, exclusive: true },
      { implicitNodes: 0 },
      { signal: {} },
    ]) {
      expect(() => settingsFrom(bad as never), JSON.stringify(bad)).toThrow(TypeError);
    }
    expect(() => settingsFrom({ durability: { intervalMs: -1 } })).toThrow(RangeError);
    expect(() => settingsFrom(null as never)).toThrow(TypeError);
  });

  it("take a policy of history, copied, with whole numbers from 0", () => {
    for (const history of ["all", "latest", { keepMs: 0 }, { keepEvents: 7 }] as const) {
      expect(settingsFrom({ history }).history).toEqual(history);
    }
    const given = { keepMs: 5 };
    const { history } = settingsFrom({ history: given });
    given.keepMs = 6;
    expect(history).toEqual({ keepMs: 5 });
    for (const bad of [{ keepMs: -1 }, { keepEvents: 0.5 }, { keepMs: Number.NaN }]) {
      expect(() => settingsFrom({ history: bad })).toThrow(RangeError);
    }
  });

  it("that are bad change nothing on disk", async () => {
    const ports = simulatedPorts();
    expect(await codeOf(() => open("/db", { ...ports, segmentBytes: 1 }))).toBe("RangeError");
    expect(await codeOf(() => open("/db", { ...ports, nonsense: 1 } as never))).toBe("TypeError");
    expect(await codeOf(() => open("", ports))).toBe("TypeError");
    expect(await codeOf(() => open("/d\0b", ports))).toBe("TypeError");
    expect(ports.disk.calls).toBe(0);
  });
});

describe("opening", () => {
  it("without create is NOT_FOUND, and exclusive refuses what EXISTS; neither changes anything", async () => {
    const ports = simulatedPorts();
    expect(await codeOf(() => open("/db", { ...ports, create: false }))).toBe("NOT_FOUND");
    expect(ports.disk.calls).toBe(0);
    const { db } = await machine({ exclusive: true }, ports);
    await db.close();
    const before = ports.disk.calls;
    expect(await codeOf(() => open("/db", { ...ports, exclusive: true }))).toBe("EXISTS");
    expect(ports.disk.calls).toBe(before);
    const again = await machine({ create: false }, ports);
    await again.db.close();
  });

  it("of a directory of other things, or of a file, is NOT_A_DATABASE", async () => {
    const disk = new SimulatedDisk();
    disk.writeFile("/photos/cat.jpg", new Uint8Array(3));
    const before = disk.calls;
    expect(await codeOf(() => open("/photos", simulatedPorts({ disk })))).toBe("NOT_A_DATABASE");
    expect(await codeOf(() => open("/photos/cat.jpg", simulatedPorts({ disk })))).toBe(
      "NOT_A_DATABASE",
    );
    expect(disk.calls).toBe(before);
  });

  it("with an aborted signal is ABORTED", async () => {
    const ports = simulatedPorts();
    const signal = AbortSignal.abort();
    expect(await codeOf(() => open("/db", { ...ports, signal }))).toBe("ABORTED");
  });

  it("twice at a time is LOCKED for the second, and free again after close", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("a"));
    expect(await codeOf(() => machine({}, ports))).toBe("LOCKED");
    await db.close();
    const again = await machine({}, ports);
    expect(again.db.hasNode("a")).toBe(true);
    await again.db.close();
  });
});
