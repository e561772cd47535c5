// Fault plans: what each effect does to a call, and the one line that a plan is printed on and read from.
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { DiskFile } from "../../src/disk/ports.ts";
import {
  DeadDiskError,
  dropAll,
  type FaultPlan,
  type FaultRule,
  formatPlan,
  keepAll,
  parsePlan,
  randomPlan,
  SimulatedDisk,
  SimulatedRandom,
} from "../../src/testing/testing.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

describe("a fault plan on a line", () => {
  const lines = [
    "none",
    "capacity 8192",
    'write "seg" #2 x2 > errno EIO prefix 3',
    'write ~"\\\\.log$"i @17 > errno ENOSPC range +1 2',
    "syncDirectory x* > lie",
    'capacity 4096; read > rot 17; write > zero; read "a;b > c" > stale; write > misdirect 512',
    "sync > hang; truncate x3 > delay 20; change @4 > capacity 0; any > errno EIO all; write > short 7",
  ];

  it.each(lines)("reads and prints %s", (line) => {
    expect(formatPlan(parsePlan(line))).toBe(line);
  });

  it("says what each word means", () => {
    expect(parsePlan(lines[3] ?? "")).toEqual({
      rules: [
        {
          operation: "write",
          path: /\.log$/i,
          call: 17,
          errno: "ENOSPC",
          applied: "range",
          appliedFrom: 1,
          appliedCount: 2,
        },
      ],
    });
    expect(parsePlan("sync x* > errno EIO")).toEqual({
      rules: [{ operation: "sync", times: "forever", errno: "EIO" }],
    });
  });

  it.each([
    ["", "an operation"],
    ["melt > lie", "an operation"],
    ["write lie", '">"'],
    ["write > explode", "an effect"],
    ["write > short", "a number"],
    ["write > errno", "an errno"],
    ["write > errno EIO;", "an operation"],
    ["none; sync > lie", "the end"],
    ["sync > lie lie", "the end"],
    ['write ~"(" > zero', "pattern"],
    ["writer > lie", "an operation"],
  ])("refuses %j, naming the place", (line, wanted) => {
    expect(() => parsePlan(line)).toThrow(TypeError);
    expect(() => parsePlan(line)).toThrow(wanted);
  });

  const count = fc.nat(2 ** 31);
  const maybe = <T>(key: string, value: fc.Arbitrary<T>): fc.Arbitrary<object> =>
    fc
      .option(value, { nil: undefined })
      .map((chosen) => (chosen === undefined ? {} : { [key]: chosen }));
  const effect = fc.oneof(
    fc
      .tuple(
        fc.record({ errno: fc.constantFrom("EIO", "ENOSPC", "E2BIG") }),
        maybe("applied", fc.constantFrom("none", "prefix", "range", "all")),
        maybe("appliedFrom", count),
        maybe("appliedCount", count),
      )
      .map((parts) => Object.assign({}, ...parts)),
    fc.record({ shortBytes: count }),
    fc
      .tuple(
        fc.record({ damage: fc.constantFrom("rot", "zero", "stale", "misdirect") }),
        maybe("amount", count),
      )
      .map((parts) => Object.assign({}, ...parts)),
    fc.constantFrom<object>({ lie: true }, { hang: true }),
    fc.record({ delayTurns: count }),
    fc.record({ capacityBytes: count }),
  );
  const pattern = fc.constantFrom(/a/, /[/"]\/\\/gi, /\n;>/u, /x{2,}$/m);
  const rule = fc
    .tuple(
      fc.record({ operation: fc.constantFrom("write", "sync", "syncDirectory", "change", "any") }),
      maybe("path", fc.oneof(fc.string({ unit: "binary" }), pattern)),
      maybe("call", count),
      maybe("occurrence", count),
      maybe("times", fc.oneof(count, fc.constant("forever"))),
      effect,
    )
    .map((parts) => Object.assign({}, ...parts) as FaultRule);

  it("prints whatever can be planned, on one line, and reads it back", () => {
    fc.assert(
      fc.property(fc.array(rule), maybe("capacityBytes", count), (rules, capacity) => {
        const plan: FaultPlan = { rules, ...capacity };
        const line = formatPlan(plan);
        expect(line).not.toMatch(/[\n\r]/);
        expect(parsePlan(line)).toEqual(plan);
      }),
    );
  });

  it("is drawn from a seed: the same again, of many kinds, sometimes without faults", () => {
    const draw = (seed: number): string =>
      formatPlan(
        randomPlan(new SimulatedRandom(seed), {
          paths: ["log"],
          effects: ["errno", "short", "rot", "lie", "stale", "hang", "delay", "capacity"],
        }),
      );
    const drawn = Array.from({ length: 300 }, (_, seed) => draw(seed));
    expect(drawn).toEqual(Array.from({ length: 300 }, (_, seed) => draw(seed)));
    for (const line of drawn) expect(formatPlan(parsePlan(line))).toBe(line);
    const without = drawn.filter((line) => line === "none").length;
    expect(without).toBeGreaterThan(30);
    expect(without).toBeLessThan(100);
    for (const word of ["errno", "short", "rot", "lie", "stale", "hang", "delay", "capacity"]) {
      expect(drawn.filter((line) => line.includes(`> ${word}`)).length, word).toBeGreaterThan(5);
    }
  });
});

describe("an effect of a fault plan", () => {
  let disk: SimulatedDisk;
  let file: DiskFile;

  beforeEach(async () => {
    disk = new SimulatedDisk({ trace: "all" });
    file = await disk.open("/f", "create");
    file.writeSync(bytes(1, 2, 3, 4), 0);
    await file.sync();
    await disk.syncDirectory("/");
  });

  const plan = (line: string): void => disk.usePlan(parsePlan(line));
  const read = (): number[] => {
    const into = new Uint8Array(8);
    return [...into.subarray(0, file.readSync(into, 0))];
  };

  it("is there from the beginning where the disk is made with it", async () => {
    const planned = new SimulatedDisk({ plan: parsePlan("capacity 0; create > errno EMFILE") });
    expect(planned.capacityBytes).toBe(0);
    await expect(planned.open("/f", "create")).rejects.toMatchObject({
      details: { errno: "EMFILE" },
    });
    expect(planned.kill().faults).toEqual([]);
  });

  it("strikes one call by its number, whatever it is", async () => {
    plan(`change @${disk.calls + 2} > errno EIO`);
    file.writeSync(bytes(5), 4);
    await file.sync();
    await expect(file.truncate(0)).rejects.toThrow("EIO");
    await file.truncate(1);
    expect(disk.trace.filter(({ fault }) => fault === "errno EIO")).toMatchObject([
      { operation: "truncate", result: "EIO" },
    ]);
  });

  it("strikes calls that change nothing where it is about any", async () => {
    plan("any > errno EIO");
    await expect(file.size()).rejects.toThrow("EIO");
    plan("change > errno EIO");
    expect(await file.size()).toBe(4);
    expect(() => file.writeSync(bytes(1), 0)).toThrow("EIO");
  });

  it("A9: leaves a part from the middle of a write that fails", () => {
    plan("write > errno EIO range +1 2");
    expect(() => file.writeSync(bytes(9, 9, 9, 9), 0)).toThrow("EIO");
    expect(read()).toEqual([1, 9, 9, 4]);
  });

  it("shortens reads into calls of their own, one of which may fail", async () => {
    plan("read > short 3");
    const before = disk.reads;
    expect(read()).toEqual([1, 2, 3, 4]);
    expect(disk.reads - before).toBe(2);
    const into = new Uint8Array(4);
    expect(await file.read(into, 0)).toBe(4);
    expect([...into]).toEqual([1, 2, 3, 4]);
    plan("read #2 > errno EIO");
    await expect(file.read(into, 0)).rejects.toMatchObject({ details: { offset: 3 } });
  });

  it("rots a bit of what is written, or of what lies on the medium", () => {
    plan("write > rot 9; read #2 > rot 0");
    file.writeSync(bytes(0, 0), 0);
    expect(read()).toEqual([0, 2, 3, 4]);
    expect(read()).toEqual([1, 2, 3, 4]);
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([0, 2, 3, 4]);
    expect([...disk.powerCut(keepAll).readFile("/f")]).toEqual([0, 2, 3, 4]);
    expect(read()).toEqual([1, 2, 3, 4]);
  });

  it("puts zeros where a block was, or was to be", async () => {
    plan("write > zero; read #2 > zero");
    file.writeSync(bytes(7, 7), 3);
    expect(read()).toEqual([1, 2, 3, 0, 0]);
    expect(read()).toEqual([0, 0, 0, 0, 0]);
    await file.sync();
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([0, 0, 0, 0, 0]);
  });

  it("misdirects a write or a read", () => {
    plan("write > misdirect 2; read #2 > misdirect 1");
    file.writeSync(bytes(8), 0);
    expect(read()).toEqual([1, 2, 8, 4]);
    expect(read()).toEqual([2, 8, 4, 0]);
    expect(read()).toEqual([1, 2, 8, 4]);
  });

  it("leaves a stale block: a write that never comes, a read of what was durable", () => {
    plan("write #2 > stale; read #2 > stale");
    file.writeSync(bytes(8), 0);
    file.writeSync(bytes(9), 0);
    expect(read()).toEqual([8, 2, 3, 4]);
    expect(read()).toEqual([1, 2, 3, 4]);
    expect(read()).toEqual([8, 2, 3, 4]);
  });

  it("lies about a sync: it resolves, and a later honest one makes durable what it covered", async () => {
    plan("sync > lie; syncDirectory > lie");
    file.writeSync(bytes(9), 0);
    await (await disk.open("/g", "create")).close();
    await file.sync();
    await disk.syncDirectory("/");
    const cut = disk.powerCut(dropAll);
    expect(cut.listAll()).toEqual(["/f"]);
    expect([...cut.readFile("/f")]).toEqual([1, 2, 3, 4]);
    await file.sync();
    await disk.syncDirectory("/");
    expect(disk.powerCut(dropAll).listAll()).toEqual(["/f", "/g"]);
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([9, 2, 3, 4]);
  });

  it("hangs a call until the disk is killed", async () => {
    plan("truncate > hang");
    let ended = "never";
    const hanging = file.truncate(0).catch((error: unknown) => {
      ended = String((error as Error).name);
    });
    for (let turn = 0; turn < 100; turn++) await undefined;
    expect(ended).toBe("never");
    expect(read()).toEqual([1, 2, 3, 4]);
    const killed = disk.kill();
    await hanging;
    expect(ended).toBe(new DeadDiskError("x").name);
    expect(killed.readFile("/f")).toHaveLength(4);
  });

  it("delays a call by turns, so that a later one comes first", async () => {
    plan("truncate > delay 20");
    const slow = file.truncate(1);
    const quick = file.truncate(3);
    await quick;
    expect(read()).toEqual([1, 2, 3]);
    await slow;
    expect(read()).toEqual([1]);
  });

  it("A14: fills the disk at a call, and removing files makes space again", async () => {
    plan(`change @${disk.calls + 1} > capacity 4096`);
    const other = await disk.open("/g", "create");
    expect(() => other.writeSync(bytes(1), 0)).toThrow("ENOSPC");
    await file.close();
    await disk.unlink("/f");
    other.writeSync(bytes(1), 0);
    expect(disk.allocatedBytes()).toBe(4096);
  });

  it("is ignored by calls that it cannot befall", async () => {
    plan("any x* > lie");
    file.writeSync(bytes(5), 4);
    await file.truncate(5);
    expect(read()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("a kill with calls in flight", () => {
  it("may have had their effects, each on its own", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const disk = new SimulatedDisk();
      const file = await disk.open("/f", "create");
      file.writeSync(bytes(1, 2, 3), 0);
      disk.delay = () => new Promise(() => {});
      void file.truncate(2);
      void disk.makeDirectory("/d");
      const killed = disk.kill(new SimulatedRandom(seed));
      const isMade = (await killed.stat("/d")) !== undefined;
      outcomes.add(`${killed.readFile("/f").length} ${isMade}`);
    }
    expect([...outcomes].sort()).toEqual(["2 false", "2 true", "3 false", "3 true"]);
  });
});
