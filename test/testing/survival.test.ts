// What a power cut may leave: the fixed family and random choices.
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";
import { dropAll, keepAll, type Outcome, type Survival } from "../../src/testing/survival.ts";
import { randomSurvival, survivalFamily } from "../../src/testing/survival-family.ts";

function cutWith(disk: SimulatedDisk, effect: number, outcome: Outcome): number[] {
  const survival: Survival = {
    ...keepAll,
    exceptions: [{ from: effect, to: effect + 1, outcome }],
  };
  return [...disk.powerCut(survival).readFile("/f")];
}

describe("survival of one write", () => {
  let disk: SimulatedDisk;

  beforeEach(async () => {
    disk = new SimulatedDisk();
    disk.writeFile("/f", Uint8Array.of(9, 9, 9));
    (await disk.open("/f", "write")).writeSync(Uint8Array.of(1, 2, 3, 4), 1);
  });

  it("is whole, absent, torn at either side, length only or garbage", () => {
    expect(cutWith(disk, 0, "kept")).toEqual([9, 1, 2, 3, 4]);
    expect(cutWith(disk, 0, "lost")).toEqual([9, 9, 9]);
    expect(cutWith(disk, 0, { kind: "torn", keep: "prefix", bytes: 3 })).toEqual([9, 1, 2, 3]);
    expect(cutWith(disk, 0, { kind: "torn", keep: "suffix", bytes: 3 })).toEqual([9, 9, 9, 0, 4]);
    expect(cutWith(disk, 0, { kind: "length" })).toEqual([9, 9, 9, 0, 0]);
    const garbage = cutWith(disk, 0, { kind: "garbage", seed: 5 });
    expect(garbage).toHaveLength(5);
    expect(garbage[0]).toBe(9);
    expect(garbage.slice(1)).not.toEqual([1, 2, 3, 4]);
    expect(cutWith(disk, 0, { kind: "garbage", seed: 5 })).toEqual(garbage);
  });

  it("is decided piece by piece, cut at units of the file", () => {
    const pieces = (letters: string): number[] =>
      cutWith(disk, 0, { kind: "pieces", unitBytes: 2, pieces: letters, seed: 1 });
    expect(pieces("")).toEqual([9, 1, 2, 3, 4]);
    expect(pieces("l")).toEqual([9, 9, 2, 3, 4]);
    expect(pieces("kl")).toEqual([9, 1, 9, 0, 4]);
    expect(pieces("lll")).toEqual([9, 9, 9]);
    expect(pieces("gkk").slice(2)).toEqual([2, 3, 4]);
  });
});

describe("survival family", () => {
  async function diskWith(writes: number, bytes: number): Promise<SimulatedDisk> {
    const disk = new SimulatedDisk();
    disk.writeFile("/f", new Uint8Array());
    const file = await disk.open("/f", "write");
    for (let at = 0; at < writes; at++) {
      file.writeSync(new Uint8Array(bytes).fill(at + 1), at * bytes);
    }
    return disk;
  }

  it("is one survival where nothing is at risk", () => {
    expect(survivalFamily(new SimulatedDisk())).toEqual([dropAll]);
  });

  it("has each different choice of whole effects once", async () => {
    // Of n: none, all, n - 1 prefixes, n lost alone, n kept alone; less one of each that is a prefix.
    // With one write of a single byte: garbage and length besides.
    expect(survivalFamily(await diskWith(1, 1))).toHaveLength(2 + 2);
    expect(survivalFamily(await diskWith(2, 1))).toHaveLength(4 + 2);
    expect(survivalFamily(await diskWith(5, 1))).toHaveLength(2 + 4 + 5 + 5 - 2 + 2);
    expect(survivalFamily(await diskWith(20, 1))).toHaveLength(2 + 19 + 20 + 20 - 2 + 2);
  });

  it("tears the last write at a page, at a sector and at some byte, on both sides", async () => {
    const labels = survivalFamily(await diskWith(1, 10_000)).map(({ label }) => label);
    const torn = labels.filter((label) => label.startsWith("torn"));
    expect(torn).toEqual([
      "torn after 8192 0",
      "torn before 8192 0",
      "torn after 9728 0",
      "torn before 9728 0",
      "torn after 5001 0",
      "torn before 5001 0",
    ]);
    expect(labels).toContain("garbage in 0");
    expect(labels).toContain("length only of 0");
  });

  it("splits names from contents, both ways", async () => {
    const disk = new SimulatedDisk();
    disk.writeFile("/f", new Uint8Array());
    const old = await disk.open("/f", "write");
    const fresh = await disk.open("/g", "create");
    old.writeSync(Uint8Array.of(1), 0);
    fresh.writeSync(Uint8Array.of(2), 0);
    const states = survivalFamily(disk).map((survival) => {
      const cut = disk.powerCut(survival);
      return cut
        .listAll()
        .map((path) => `${path}=${cut.readFile(path)}`)
        .join(" ");
    });
    expect(states).toContain("/f=1");
    expect(states).toContain("/f= /g=");
    expect(states).toContain("/f=1 /g=2");
    expect(states).toContain("/f=");
  });

  it("survives JSON and means the same", async () => {
    const disk = await diskWith(3, 5000);
    const random = new SimulatedRandom(1);
    const family = [...survivalFamily(disk)];
    for (let draw = 0; draw < 50; draw++) family.push(randomSurvival(disk, random));
    for (const survival of family) {
      const copy = JSON.parse(JSON.stringify(survival)) as Survival;
      const [one, other] = [copy, survival].map((chosen) => disk.powerCut(chosen).readFile("/f"));
      expect(Buffer.compare(one!, other!)).toBe(0);
    }
  });

  it("draws random survivals that its seed decides, of every kind", async () => {
    const disk = await diskWith(4, 5000);
    const draw = (seed: number): string[] => {
      const random = new SimulatedRandom(seed);
      return Array.from({ length: 100 }, () => JSON.stringify(randomSurvival(disk, random)));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const all = draw(1).join("");
    for (const kind of ['"lost"', '"pieces"', '"unitBytes":512', '"unitBytes":61']) {
      expect(all).toContain(kind);
    }
  });
});

interface Step {
  readonly kind: "write" | "truncate" | "sync" | "cut" | "kill";
  readonly at: number;
  readonly length: number;
}

describe("simulated file content", () => {
  const steps = fc.array(
    fc.record<Step>({
      kind: fc.constantFrom("write", "write", "truncate", "sync", "cut", "kill"),
      at: fc.nat(12_000),
      length: fc.nat(9000),
    }),
    { maxLength: 25 },
  );

  it("is what plain byte arrays say, through writes, cuts of length, syncs and crashes", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        let disk = new SimulatedDisk();
        disk.writeFile("/f", new Uint8Array());
        let file = await disk.open("/f", "write");
        let visible = new Uint8Array();
        let durable = new Uint8Array();
        let fill = 0;
        for (const { kind, at, length } of plan) {
          if (kind === "write") {
            fill = (fill % 255) + 1;
            const bytes = new Uint8Array(length).fill(fill);
            file.writeSync(bytes, at);
            if (length > 0) visible = resized(visible, Math.max(visible.length, at + length));
            if (length > 0) visible.set(bytes, at);
          } else if (kind === "truncate") {
            await file.truncate(at);
            visible = resized(visible, at);
          } else if (kind === "sync") {
            await file.sync();
            durable = visible.slice();
          } else {
            if (kind === "cut") visible = durable.slice();
            disk = kind === "cut" ? disk.powerCut(dropAll) : disk.kill();
            file = await disk.open("/f", "write");
          }
          expect(Buffer.compare(disk.readFile("/f"), visible)).toBe(0);
          expect(Buffer.compare(disk.powerCut(dropAll).readFile("/f"), durable)).toBe(0);
          expect(Buffer.compare(disk.powerCut(keepAll).readFile("/f"), visible)).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(size);
  next.set(bytes.subarray(0, size));
  return next;
}
