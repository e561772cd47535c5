// Projections: what they make of the changes, when they store it, how they start over, and what parks them.
import { describe, expect, it } from "vitest";
import { dropAll, type SimulatedPorts, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database, ProjectionDefinition } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import { emit, fresh } from "./consumer-support.ts";
import { settle } from "./live-support.ts";

interface Sum {
  count: number;
  names: string[];
}

/** Counts events, in the state and by name in `out`. */
function counting(version = 1): ProjectionDefinition<Sum, number> {
  return {
    version,
    init: () => ({ count: 0, names: [] }),
    apply(state, change, out) {
      if (change.kind !== "event") return undefined;
      if (change.name === "bad") throw new RangeError("a bad one");
      state.count++;
      if (!out.has(change.name)) state.names.push(change.name);
      out.put(change.name, (out.get(change.name) ?? 0) + 1);
      return undefined;
    },
  };
}

/** Lets a second go by, and what that sets off. */
async function passed(ports: SimulatedPorts): Promise<void> {
  for (let i = 0; i < 4; i++) await settle();
  await ports.scheduler.advance(1100);
  for (let i = 0; i < 4; i++) await settle();
}

async function crashed(ports: SimulatedPorts): Promise<{ db: Database; ports: SimulatedPorts }> {
  ports.scheduler.stop();
  ports.disk.stop();
  return machine({}, simulatedPorts({ disk: ports.disk.powerCut(dropAll), tasks: "automatic" }));
}

describe("a projection", () => {
  it("applies every change once, and shows how far it is", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b", "a");
    const counts = await db.project("counts", counting());
    await counts.caughtUp();
    expect(counts.state).toEqual({ count: 3, names: ["a", "b"] });
    expect([...counts.out.range()]).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    expect([counts.lsn, counts.status, counts.out.size]).toEqual([3, "running", 2]);
    await emit(db, "c");
    await counts.caughtUp();
    expect([counts.lsn, counts.out.get("c"), counts.out.get("d")]).toEqual([4, 1, undefined]);
    await db.close();
  });

  it("goes on after a close from where it was, and after a power cut from what it stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a");
    await (await db.project("counts", counting())).caughtUp();
    await db.close();
    const second = await machine({}, ports);
    expect(second.db.projections()).toEqual([
      { name: "counts", version: 1, lsn: 1, lag: 0, status: "idle" },
    ]);
    const seen: number[] = [];
    const { apply, ...rest } = counting();
    const watched = {
      ...rest,
      apply: (...args: Parameters<typeof apply>) => {
        seen.push(args[1].lsn);
        return apply(...args);
      },
    };
    const counts = await second.db.project("counts", watched);
    await emit(second.db, "a", "b");
    await counts.caughtUp();
    expect(seen).toEqual([2, 3]);
    await passed(ports);
    await emit(second.db, "c");
    await counts.caughtUp();
    const third = await crashed(ports);
    expect(third.db.projections()).toMatchObject([{ lsn: 3, lag: 1 }]);
    const again = await third.db.project("counts", counting());
    expect([again.lsn, again.state.count]).toEqual([3, 3]);
    await again.caughtUp();
    expect(again.state).toEqual({ count: 4, names: ["a", "b", "c"] });
    expect([...again.out.range()]).toEqual([
      ["a", 2],
      ["b", 1],
      ["c", 1],
    ]);
    await third.db.close();
  });

  it("starts over with another version or filter, and clears away what it had stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, ..."abcdefgh");
    await (await db.project("counts", counting())).caughtUp();
    await db.close();
    const second = await machine({}, ports);
    const double = { ...counting(2), apply: doubled };
    function doubled(state: Sum, change: Change): undefined {
      if (change.kind === "event") state.count += 2;
    }
    const counts = await second.db.project("counts", double);
    expect([counts.lsn, counts.out.size, counts.state.count]).toEqual([0, 0, 0]);
    await counts.caughtUp();
    expect(counts.state.count).toBe(16);
    await passed(ports);
    await emit(second.db, "x");
    await counts.caughtUp();
    await second.db.close();
    const third = await machine({}, ports);
    const back = await third.db.project("counts", { ...counting(2), apply: doubled });
    expect([back.lsn, back.out.size, back.state.count]).toEqual([9, 0, 18]);
    await back.close();
    const filtered = await third.db.project("counts", {
      ...counting(2),
      filter: { events: ["a", "b"] },
    });
    expect(filtered.lsn).toBe(0);
    await filtered.caughtUp();
    expect([filtered.lsn, filtered.state.count]).toEqual([9, 2]);
    await third.db.close();
  });

  it("is no change, takes no LSN, and uses nothing that is not durable", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const { db } = await machine({ durability: { intervalMs: 60_000 } }, ports);
    await emit(db, "a", "b");
    const counts = await db.project("counts", counting());
    await settle();
    expect([counts.lsn, counts.state.count, db.lastLsn]).toEqual([0, 0, 2]);
    await db.flush();
    await counts.caughtUp();
    expect(counts.state.count).toBe(2);
    await counts.close();
    expect(db.lastLsn).toBe(2);
    await db.close();
  });

  it("may return another state, of any kind that can be stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a", "b");
    const definition = { version: 1, init: () => 0n, apply: (n: bigint) => n + 1n };
    const count = await db.project("n", definition);
    await count.caughtUp();
    expect(count.state).toBe(2n);
    await db.close();
    const again = await machine({}, ports);
    expect((await again.db.project("n", definition)).state).toBe(2n);
    await again.db.close();
  });

  it("stores in between while it catches up, without waiting for a timer", async () => {
    const { db, ports } = await fresh();
    for (let round = 0; round < 25; round++) {
      await db.transact((tx) => {
        for (let i = 0; i < 1000; i++) tx.emit("a", i);
      });
    }
    const counts = await db.project("counts", counting());
    await counts.caughtUp();
    const again = await crashed(ports);
    expect(again.db.projections()[0]?.lsn).toBeGreaterThan(20_000);
    await again.db.close();
  });
});

describe("what cannot be applied", () => {
  it("parks the projection as it was before the transaction, and harms nothing else", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a", "b");
    await db.transact((tx) => {
      tx.emit("c", 0);
      tx.emit("bad", 0);
    });
    const other = await db.project("other", { version: 1, init: () => 0, apply: (n) => n + 1 });
    const counts = await db.project("counts", counting());
    await expect(counts.caughtUp()).rejects.toMatchObject({
      code: "PROJECTION_PARKED",
      details: { projection: "counts", lsn: 4, kind: "event" },
      cause: { message: "a bad one" },
    });
    expect(counts.status).toBe("parked");
    expect(counts.parked).toMatchObject({ change: { lsn: 4, name: "bad" } });
    expect([counts.lsn, counts.state.count, counts.out.size]).toEqual([2, 2, 2]);
    await emit(db, "d");
    await other.caughtUp();
    expect(other.state).toBe(5);
    expect(db.stats().projections).toMatchObject([
      { name: "counts", status: "parked", lsn: 2, lag: 3 },
      { name: "other", status: "running", lsn: 5, lag: 0 },
    ]);
    // Once `apply` can, it goes on.
    const mended = counting();
    const again = await db.project<Sum, number>("counts", {
      ...mended,
      apply: (state, change, out) =>
        change.kind === "event" && change.name === "bad"
          ? undefined
          : mended.apply(state, change, out),
    });
    expect(again.lsn).toBe(2);
    await again.caughtUp();
    expect(again.state).toEqual({ count: 4, names: ["a", "b", "c", "d"] });
    await db.close();
    const reopened = await machine({}, ports);
    expect(reopened.db.projections()).toMatchObject([{ lsn: 5 }, { lsn: 5 }]);
    await reopened.db.close();
  });

  it.each<[string, ProjectionDefinition<unknown, unknown>, string]>([
    [
      "a promise",
      { version: 1, init: () => 0, apply: async () => 1 } as never,
      "it must be synchronous",
    ],
    [
      "a value that cannot be stored in out",
      {
        version: 1,
        init: () => 0,
        apply: (_, __, out) => void out.put("k", () => {}) as undefined,
      },
      "out.put: value",
    ],
    [
      "an empty key",
      { version: 1, init: () => 0, apply: (_, __, out) => void out.put("", 1) as undefined },
      "key must have 1 to 1024 bytes",
    ],
    [
      "more than out holds",
      {
        version: 1,
        init: () => 0,
        apply(_, __, out) {
          for (let i = 0; i < 20; i++) out.put(`k${i}`, "-".repeat(2 ** 20));
          return undefined;
        },
      },
      "the map would have more than 16777216 bytes",
    ],
  ])("%s parks it", async (_title, definition, message) => {
    const { db } = await fresh();
    await emit(db, "a");
    const parked = await db.project("p", definition);
    await expect(parked.caughtUp()).rejects.toThrow(message);
    expect([parked.status, parked.out.size, parked.lsn]).toEqual(["parked", 0, 0]);
    await db.close();
  });

  it("a state that cannot be stored parks it at what is stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a");
    const grow = {
      version: 1,
      init: () => [] as unknown[],
      apply(state: unknown[], change: Change): undefined {
        if (change.kind === "event") state.push(change.name === "huge" ? "-".repeat(2 ** 20) : 1);
      },
    };
    const list = await db.project("list", grow);
    await list.caughtUp();
    await passed(ports);
    await emit(db, "b", "huge");
    await list.caughtUp();
    await passed(ports);
    expect([list.status, list.lsn, list.state]).toEqual(["parked", 1, [1]]);
    expect(list.parked?.error).toMatchObject({ code: "LIMIT_EXCEEDED" });
    await db.close();
  });

  it("is refused before anything starts where the definition is wrong", async () => {
    const { db } = await fresh();
    const good = counting();
    const wrong: [unknown, string][] = [
      [undefined, "TypeError"],
      [{ ...good, version: "1" }, "TypeError"],
      [{ ...good, version: 1.5 }, "RangeError"],
      [{ ...good, init: 0 }, "TypeError"],
      [{ ...good, apply: undefined }, "TypeError"],
      [{ ...good, from: 1 }, "TypeError"],
      [{ ...good, filter: { kind: [] } }, "TypeError"],
      [{ ...good, init: () => () => {} }, "TypeError"],
      [{ ...good, init: () => "-".repeat(2 ** 21) }, "LIMIT_EXCEEDED"],
    ];
    for (const [definition, code] of wrong) {
      expect(await codeOf(() => db.project("p", definition as never))).toBe(code);
    }
    expect(await codeOf(() => db.project("", good))).toBe("RangeError");
    expect(db.projections()).toEqual([]);
    await db.project("p", good);
    expect(await codeOf(() => db.project("p", good))).toBe("CONFLICT");
    await db.close();
  });
});

describe("the end of a projection", () => {
  it("remove forgets it with all its entries; projecting it again starts over", async () => {
    const { db, ports } = await fresh();
    await db.transact((tx) => {
      for (let i = 0; i < 2500; i++) tx.emit(`n${i}`, i);
    });
    const counts = await db.project("counts", counting());
    await counts.caughtUp();
    await counts.close();
    expect(await codeOf(() => counts.state)).toBe("CLOSED");
    expect(await codeOf(() => counts.caughtUp())).toBe("CLOSED");
    expect(await counts.remove()).toBe(true);
    expect(await db.removeProjection("counts")).toBe(false);
    expect(db.projections()).toEqual([]);
    await db.close();
    const again = await machine({}, ports);
    const anew = await again.db.project("counts", counting());
    expect([anew.lsn, anew.out.size]).toEqual([0, 0]);
    await again.db.close();
  });

  it("the database may be closed by apply itself; nothing half applied is stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a", "b", "c");
    let closing: Promise<void> | undefined;
    const counts = await db.project("counts", {
      version: 1,
      init: () => 0,
      apply(n, change) {
        if (change.lsn === 2) closing = db.close();
        return n + 1;
      },
    });
    await expect(counts.caughtUp()).rejects.toMatchObject({ code: "CLOSED" });
    await closing;
    expect(await codeOf(() => counts.state)).toBe("CLOSED");
    const again = await machine({}, ports);
    expect(again.db.projections()).toEqual([]);
    await again.db.close();
  });

  it("a close that cannot store it any more leaves no timer behind", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a");
    const counts = await db.project("counts", counting());
    await counts.caughtUp();
    ports.disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
    await db.close().catch(() => {});
    expect(ports.scheduler.pending).toBe(0);
  });

  it("a full disk only delays what is stored", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a");
    const counts = await db.project("counts", counting());
    await counts.caughtUp();
    ports.disk.faults.push({ operation: "write", errno: "ENOSPC" });
    await passed(ports);
    expect([counts.status, counts.state.count, counts.out.get("a")]).toEqual(["running", 1, 1]);
    await passed(ports);
    const again = await crashed(ports);
    expect(again.db.projections()).toMatchObject([{ lsn: 1 }]);
    const later = await again.db.project("counts", counting());
    expect([later.state.count, later.out.get("a")]).toEqual([1, 1]);
    await again.db.close();
  });
});
