// The small parts of the log at their edges: names, large records, the reserve, pins, and errors that are none.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import { poisonError } from "../../src/log/commit-waiters.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { sameBytes } from "../../src/log/fields.ts";
import { unexpected } from "../../src/log/follow-errors.ts";
import { HeldPin } from "../../src/log/held-pin.ts";
import { HistoryPins } from "../../src/log/history-pins.ts";
import { NAME_KIND, NameTable } from "../../src/log/name-table.ts";
import { ReserveFile, reserveBytes } from "../../src/log/reserve.ts";
import { orSyncFailure, SyncFailure } from "../../src/log/sync-failure.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";

describe("a table of names", () => {
  it("takes back names of every kind, and a graph that was defined twice once", () => {
    const names = new NameTable();
    const plain = names.add("plain");
    const first = names.addScoped(NAME_KIND.graph, 0, "g");
    const mark = names.mark();
    const second = names.addScoped(NAME_KIND.graph, 0, "g");
    const label = names.addScoped(NAME_KIND.label, second, "L");
    names.add("other");
    expect(names.numbersOf(NAME_KIND.graph, 0, "g")).toEqual([first, second]);
    expect(names.labelOf(second, "L")).toBe(label);
    names.truncate(mark);
    expect(names.numbersOf(NAME_KIND.graph, 0, "g")).toEqual([first]);
    expect([names.idOf("plain"), names.idOf("other")]).toEqual([plain, 0]);
    expect([names.labelOf(second, "L"), names.scopedOf(label)]).toEqual([0, undefined]);
    names.truncate(1);
    expect(names.all()).toEqual([]);
    expect(names.nameOf(0)).toBeUndefined();
  });

  it("replays no definition that skips a number", () => {
    const names = new NameTable();
    expect(names.define(2, "late")).toBe(false);
    expect(names.defineScoped(2, NAME_KIND.map, 0, "late")).toBe(false);
    expect(names.defineScoped(1, NAME_KIND.map, 0, "m")).toBe(true);
    expect(names.all()).toEqual(["m"]);
  });
});

describe("a batch", () => {
  function propsOf(batch: EventBatch): EventReader {
    const { records } = batch;
    const reader = new EventReader().open(records.bytes, 0, records.position, 1);
    expect(reader.next()).toBe(true);
    return reader;
  }

  it("numbers the names of as many properties as there are", () => {
    const names = new NameTable();
    const batch = new EventBatch(names);
    const props = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`p${i}`, i]));
    for (const key of ["a", "b"]) {
      batch.begin(1);
      batch.nodePut(0, 1, key, [], props);
      expect(propsOf(batch).tag).toBeGreaterThan(0);
    }
    expect(names.all()).toEqual(Object.keys(props));
  });

  it.each([100, 1000, 100_000, 3_000_000])("holds a record of %i bytes as it is", (bytes) => {
    const batch = new EventBatch(new NameTable());
    batch.begin(1);
    batch.nodePut(0, 1, "k", [], { text: "x".repeat(bytes) });
    batch.nodePut(0, 2, "l", [], undefined);
    const reader = propsOf(batch);
    expect(reader.recordTo).toBeGreaterThan(bytes);
    expect([reader.next(), reader.id, reader.next()]).toEqual([true, 2, false]);
  });

  it("refuses a record that no frame holds", () => {
    const batch = new EventBatch(new NameTable());
    batch.begin(1);
    const value = new Uint8Array(16 * 2 ** 20 - 100);
    const props = Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((name) => [name, value]));
    let caught: unknown;
    try {
      batch.nodePut(0, 1, "k", [], props);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: "LIMIT_EXCEEDED", details: { limit: "recordBytesMax" } });
  });
});

describe("the reserve", () => {
  async function reserve(): Promise<{ disk: SimulatedDisk; file: ReserveFile }> {
    const disk = new SimulatedDisk({ seed: 1 });
    disk.writeFile("/db/x", new Uint8Array(1));
    const file = await ReserveFile.open(disk, "/db/reserve");
    await file.restore();
    return { disk, file };
  }
  const full = new VarveError("DISK_FULL", "full");

  it("is given up once for a step that finds the disk full, and taken again", async () => {
    const { disk, file } = await reserve();
    let tries = 0;
    const step = (): Promise<string> =>
      ++tries === 1 ? Promise.reject(full) : Promise.resolve("done");
    expect(await file.orGiven(step)).toBe("done");
    expect(disk.fileBytes("/db/reserve")).toBe(0);
    await expect(file.orGiven(() => Promise.reject(full))).rejects.toBe(full);
    await file.restore();
    expect(disk.fileBytes("/db/reserve")).toBe(reserveBytes);
    await file.close();
  });

  it("is not given up for anything else", async () => {
    const { disk, file } = await reserve();
    for (const error of [new Error("other"), new VarveError("IO", "no")]) {
      await expect(file.orGiven(() => Promise.reject(error))).rejects.toBe(error);
    }
    expect(disk.fileBytes("/db/reserve")).toBe(reserveBytes);
    await file.close();
  });
});

describe("a pin", () => {
  it("is released once, however often it is asked for", () => {
    const pins = new HistoryPins();
    const [first, second] = [new HeldPin({}, pins, "asOf", 5), new HeldPin({}, pins, "asOf", 5)];
    first.release();
    first.release();
    expect(pins.lowest()?.lsn).toBe(5);
    second.release();
    expect(pins.lowest()).toBeUndefined();
  });
});

describe("what is thrown and is no error", () => {
  it("is told all the same", async () => {
    expect(new SyncFailure("text").message).toBe("text");
    expect(poisonError("text", 3).message).toContain("text");
    expect(unexpected("text").message).toContain("text");
    expect(unexpected(new Error("inner")).message).toContain("inner");
    const known = new SyncFailure(new Error("sync"));
    await expect(orSyncFailure(Promise.reject(known))).rejects.toBe(known);
    await expect(orSyncFailure(Promise.reject("other"))).rejects.toThrow("other");
  });
});

describe("bytes", () => {
  it("of other lengths are not the same", () => {
    expect(sameBytes(new Uint8Array(2), new Uint8Array(3))).toBe(false);
    expect(sameBytes(new Uint8Array(3), new Uint8Array(3))).toBe(true);
  });
});
