// What a read-only handle does and refuses: beside a writer, without one, and on a database that is damaged, gone or none.
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { readState, writeState } from "../../src/database/system-state.ts";
import { type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { type Change, type OpenOptions, open, type VarveError } from "../../src/varve.ts";
import { allOf, settle } from "../changes/live-support.ts";
import { cleanSpecimen, digestOf, imageOf, sameImage, withFile } from "../corruption/specimen.ts";
import { MovingDisk } from "../support/moving-disk.ts";
import { codeOf, machine } from "./support.ts";

async function reader(disk: SimulatedDisk, options: OpenOptions = {}) {
  const ports = simulatedPorts({ disk, tasks: "automatic" });
  const small = { memoryBudget: 16 * 2 ** 20, readOnly: true };
  const db = await open("/db", { ...ports, disk: new MovingDisk(disk), ...small, ...options });
  return { db, ports };
}

function keysOf(db: Database): string[] {
  return [...db.nodes()].map(({ key }) => key);
}

function textOf({ lsn, txLastLsn, at, kind }: Change): string {
  return `${lsn} ${txLastLsn} ${at} ${kind}`;
}

describe("a read-only handle", () => {
  it("sees what becomes durable, within 50 ms, and neither locks nor writes", async () => {
    const writer = await machine();
    await writer.db.transact((tx) => tx.putNode("a"));
    const { db, ports } = await reader(writer.ports.disk);
    expect(keysOf(db)).toEqual(["a"]);
    expect(db.recovery).toMatchObject({ clean: false, lastLsn: 1, replayedEvents: 1 });
    const before = db.snapshot({ at: "durable" });
    await writer.db.transact((tx) => tx.putNode("b"), { durability: "os" });
    await ports.scheduler.advance(100);
    expect(db.hasNode("b")).toBe(false);
    await writer.db.flush();
    await ports.scheduler.advance(50);
    expect([keysOf(db), db.nodeCount, db.lastLsn, db.durableLsn]).toEqual([["a", "b"], 2, 2, 2]);
    expect([keysOf(before as never), before.nodeCount]).toEqual([["a"], 1]);
    const now = db.snapshot({ at: "durable" });
    expect([now.lsn, now.nodeCount]).toEqual([2, 2]);
    expect((await db.verify()).sound).toBe(true);
    expect(db.stats()).toMatchObject({ nodes: 2, events: 2, durableLsn: 2, segments: 1 });
    await writer.db.close();
    // Nobody but the lock of the next writer is in its way.
    const next = await machine({}, writer.ports);
    await next.db.transact((tx) => tx.putNode("c"));
    await db.flush();
    expect(keysOf(db)).toEqual(["a", "b", "c"]);
    await next.db.close();
    await db.flush();
    await db.close();
    expect(ports.scheduler.pending).toBe(0);
    await db.close();
  });

  it("refuses what writes with READ_ONLY, after mistakes of the caller and before CLOSED", async () => {
    const writer = await machine();
    const { db } = await reader(writer.ports.disk);
    expect(await codeOf(() => db.transact((tx) => tx.putNode("a")))).toBe("READ_ONLY");
    expect(await codeOf(() => db.transact(1 as never))).toBe("TypeError");
    expect(await codeOf(() => db.flushAllocation())).toBe("READ_ONLY");
    expect(await codeOf(() => db.changes({ from: 2 }))).toBe("POSITION_AHEAD");
    await db.close();
    expect(await codeOf(() => db.transact((tx) => tx.putNode("a")))).toBe("CLOSED");
    await writer.db.close();
  });

  it("refuses consumers and projections at the call, and lists them", async () => {
    const writer = await machine({}, simulatedPorts({ tasks: "automatic" }));
    const definition = { version: 1, init: () => ({ n: 0 }), apply: () => undefined };
    await writer.db.transact((tx) => tx.emit("seen"));
    await writer.db.consumer("mailer");
    await (await writer.db.project("sums", definition)).caughtUp();
    const { db } = await reader(writer.ports.disk);
    const refused: [string, () => unknown][] = [
      ["a consumer that exists", () => db.consumer("mailer")],
      ["a new consumer", () => db.consumer("other")],
      ["a projection that is stored", () => db.project("sums", definition)],
      ["a new projection", () => db.project("other", definition)],
      ["removing a projection", () => db.removeProjection("sums")],
      ["removing none", () => db.removeProjection("other")],
    ];
    for (const [what, call] of refused) expect(await codeOf(call), what).toBe("READ_ONLY");
    expect(await codeOf(() => db.consumer(""))).toBe("RangeError");
    expect(await codeOf(() => db.project("sums", {} as never))).toBe("TypeError");
    await writer.db.close();
    await db.flush();
    expect(db.consumers()).toMatchObject([{ name: "mailer", lsn: 0, holder: undefined }]);
    expect(db.projections()).toMatchObject([{ name: "sums", version: 1, status: "idle" }]);
    await db.close();
  });

  it("serves feeds in every shape, and whenDurable waits for what is to come", async () => {
    const writer = await machine();
    const { db, ports } = await reader(writer.ports.disk);
    const seen: string[][] = [[], [], [], []];
    const note = (shape: number, change: Change): void => {
      seen[shape]!.push(`${change.lsn} ${change.kind}`);
    };
    const feed = db.changes();
    const ends = [
      (async () => {
        for await (const { changes } of feed) for (const one of changes) note(0, one);
      })(),
      (async () => {
        for await (const change of feed.events()) note(1, change);
      })(),
      new Promise((_, reject) => {
        feed.observable().subscribe({
          next: ({ changes }) => {
            for (const one of changes) note(2, one);
          },
          error: reject,
        });
      }),
      (async () => {
        for await (const { changes } of feed.readable() as never as AsyncIterable<{
          changes: Change[];
        }>) {
          for (const one of changes) note(3, one);
        }
      })(),
    ].map((end) => codeOf(() => end));
    const waits = db.whenDurable(3);
    await writer.db.transact((tx) => tx.putNode("a"));
    await ports.scheduler.advance(20);
    await writer.db.transact((tx) => {
      tx.putNode("b");
      tx.addEdge("a", "KNOWS", "b");
    });
    await ports.scheduler.until(waits);
    await ports.scheduler.advance(20);
    for (const one of seen) expect(one).toEqual(["1 node.put", "2 node.put", "3 edge.add"]);
    const never = codeOf(() => db.whenDurable(9));
    await db.close();
    expect(await never).toBe("CLOSED");
    expect(await Promise.all(ends)).toEqual(["CLOSED", "CLOSED", "CLOSED", "CLOSED"]);
    await writer.db.close();
  });

  it("sees transactions of state alone, once they are durable", async () => {
    const writer = await machine();
    await writer.db.transact((tx) => tx.putNode("a"));
    const { db } = await reader(writer.ports.disk);
    await writer.db.transact((tx) => writeState(tx as never, "mark", 1), { durability: "os" });
    await db.flush();
    expect(readState(db, "mark")).toBeUndefined();
    await writer.db.flush();
    await db.flush();
    expect([readState(db, "mark"), db.lastLsn]).toEqual([1, 1]);
    await writer.db.close();
    await db.close();
  });

  it("shows of a killed database what the watermark proves, and leaves it as it is", async () => {
    const writer = await machine();
    await writer.db.transact((tx) => tx.putNode("proven"));
    await writer.db.transact((tx) => tx.putNode("written"), { durability: "os" });
    const killed = writer.ports.disk.kill();
    const before = imageOf(killed);
    const { db } = await reader(killed);
    expect(keysOf(db)).toEqual(["proven"]);
    await db.close();
    expect(sameImage(imageOf(killed), before)).toBe(true);
    const { db: recovered } = await machine({}, simulatedPorts({ disk: killed }));
    expect(keysOf(recovered)).toEqual(["proven", "written"]);
    await recovered.close();
  });

  it("is NOT_FOUND where nothing is, NOT_A_DATABASE where something else is, and makes nothing", async () => {
    const { disk } = simulatedPorts();
    const whole = { create: true, readOnly: true, disk: new MovingDisk(disk) };
    expect(await codeOf(() => open("/db", whole))).toBe("NOT_FOUND");
    disk.writeFile("/other/notes.txt", new Uint8Array(3));
    expect(await codeOf(() => open("/other", whole))).toBe("NOT_A_DATABASE");
    expect(await codeOf(() => open("/other/notes.txt", whole))).toBe("NOT_A_DATABASE");
    expect(disk.listAll()).toEqual(["/other/notes.txt"]);
  });

  it("tells its feeds when the log is damaged under it, or gone", async () => {
    for (const [what, code] of [
      ["damaged", "CORRUPT"],
      ["gone", "NOT_FOUND"],
    ] as const) {
      const writer = await machine();
      await writer.db.transact((tx) => tx.putNode("a"));
      const { disk } = writer.ports;
      const { db, ports } = await reader(disk);
      const feed = db.changes()[Symbol.asyncIterator]();
      await feed.next();
      await feed.next();
      const end = feed.next().then(
        () => "no error",
        (error: VarveError) => error.code,
      );
      if (what === "damaged") {
        await writer.db.transact((tx) => tx.putNode("b"));
        const [log] = disk.listAll().filter((path) => path.endsWith(".log"));
        const bytes = disk.readFile(log!);
        for (let at = 4200; at < 4700; at++) bytes[at]! ^= 1;
        disk.writeFile(log!, bytes);
      } else {
        for (const path of disk.listAll()) disk.removeFile(path);
      }
      await ports.scheduler.advance(1100);
      await settle();
      expect(await end, what).toBe(code);
      expect(await codeOf(() => db.flush()), what).toBe(code);
      expect(await codeOf(() => db.whenDurable(5)), what).toBe(code);
      await db.close();
    }
  });
});

describe("a read-only open of a damaged database", () => {
  it("is refused, or shows the same, whichever byte is wrong; without a watermark, what is sealed", async () => {
    const disk = await cleanSpecimen(3);
    const whole = await reader(disk.clone());
    const digest = await digestOf(whole.db);
    const all = (await allOf(whole.db.changes({ live: false }))).map(textOf);
    await whole.db.close();
    const counts = { same: 0, refused: 0 };
    for (const [path, bytes] of imageOf(disk)) {
      let end = bytes.length;
      while (bytes[end - 1] === 0) end--;
      const stride = path.endsWith(".log") ? 301 : 29;
      for (let at = 0; at < end; at += stride) {
        bytes[at]! ^= 0x41;
        const damaged = withFile(disk, path, bytes);
        bytes[at]! ^= 0x41;
        const code = await codeOf(async () => {
          const { db } = await reader(damaged);
          expect(await digestOf(db)).toBe(digest);
          counts.same++;
          await db.close();
        });
        if (code === "no error") continue;
        counts.refused++;
        expect([path, code]).toEqual([
          path,
          expect.stringMatching(/^(CORRUPT|FORMAT_UNSUPPORTED)$/),
        ]);
      }
    }
    expect(counts.same).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(80);
    const { db } = await reader(withFile(disk, "/db/watermark", new Uint8Array(8192)));
    const seen = (await allOf(db.changes({ live: false }))).map(textOf);
    expect(seen).toEqual(all.slice(0, seen.length));
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(all.length);
    await db.close();
  });
});
