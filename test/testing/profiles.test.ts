// The profiles of the simulated disk: what each allows that the strict one does not, axiom by axiom.
import { beforeEach, describe, expect, it } from "vitest";
import type { DiskFile } from "../../src/disk/ports.ts";
import {
  diskProfiles,
  dropAll,
  keepAll,
  type Outcome,
  randomSurvival,
  SimulatedDisk,
  SimulatedRandom,
  type Survival,
  survivalFamily,
} from "../../src/testing/testing.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

async function made(disk: SimulatedDisk, path: string, content: Uint8Array): Promise<DiskFile> {
  const file = await disk.open(path, "create");
  file.writeSync(content, 0);
  await file.sync();
  await disk.syncDirectory("/");
  return file;
}

function only(index: number, outcome: Outcome): Survival {
  return { ...keepAll, exceptions: [{ from: index, to: index + 1, outcome }] };
}

/** Every outcome that some survival of the family gives to some effect. */
function outcomesIn(disk: SimulatedDisk): Set<string> {
  const outcomes = survivalFamily(disk).flatMap(({ exceptions }) =>
    exceptions.map(({ outcome }) => (typeof outcome === "string" ? outcome : outcome.kind)),
  );
  return new Set(outcomes);
}

it("is strict by default, is told by name or by its traits, and goes on over crashes", () => {
  expect(new SimulatedDisk().profile).toBe(diskProfiles.strict);
  const mixed = { ...diskProfiles.harsh, name: "mixed", powersafeOverwrite: true };
  const disk = new SimulatedDisk({ profile: mixed });
  expect(disk.clone().kill().powerCut(keepAll).profile).toBe(mixed);
  const unknown = "ext5" as "harsh";
  expect(() => new SimulatedDisk({ profile: unknown })).toThrow(TypeError);
});

describe("the harsh profile", () => {
  let disk: SimulatedDisk;

  beforeEach(() => {
    disk = new SimulatedDisk({ profile: "harsh" });
  });

  it("A6: a rename may leave both names, or neither", async () => {
    await made(disk, "/f", bytes(1));
    await made(disk, "/next", bytes(9));
    await disk.rename("/next", "/f");
    const both = disk.powerCut(only(0, "both"));
    expect(both.listAll()).toEqual(["/f", "/next"]);
    expect([...both.readFile("/f"), ...both.readFile("/next")]).toEqual([9, 9]);
    expect((await both.stat("/f"))?.links).toBe(2);
    expect(disk.powerCut(only(0, "neither")).listAll()).toEqual([]);
    expect(outcomesIn(disk)).toEqual(new Set(["both", "neither"]));
    const drawn = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const cut = disk.powerCut(randomSurvival(disk, new SimulatedRandom(seed)));
      drawn.add(cut.listAll().join());
    }
    expect([...drawn].sort()).toEqual(["", "/f", "/f,/next"]);
  });

  it("A8: what a failed sync covered is not readable any more", async () => {
    const file = await made(disk, "/f", bytes(1, 1));
    disk.faults.push({ operation: "sync", errno: "EIO" });
    file.writeSync(bytes(2), 0);
    const sync = file.sync();
    file.writeSync(bytes(3), 3);
    await expect(sync).rejects.toThrow("EIO");
    expect([...disk.readFile("/f")]).toEqual([1, 1, 0, 3]);
    await file.sync();
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([1, 1, 0, 3]);
  });

  it("A10: a write may damage the sectors at its ends, durable bytes included", async () => {
    const file = await made(disk, "/f", new Uint8Array(3000).fill(1));
    file.writeSync(new Uint8Array(1000).fill(2), 600);
    const after = disk.powerCut(only(0, { kind: "sector", seed: 4 })).readFile("/f");
    expect(after).toHaveLength(3000);
    const spoilt = [...after.keys()].filter((at) => at < 600 && after[at] !== 1);
    expect(Math.min(...spoilt)).toBeGreaterThanOrEqual(512);
    expect(spoilt.length).toBeGreaterThan(80);
    expect([...after.subarray(1024, 1536)].every((byte) => byte === 2)).toBe(true);
    expect([...after.subarray(2048)].every((byte) => byte === 1)).toBe(true);
    expect(after.subarray(1600, 2048).filter((byte) => byte !== 1).length).toBeGreaterThan(400);
    expect(outcomesIn(disk).has("sector")).toBe(true);
    const safe = new SimulatedDisk({
      profile: { ...diskProfiles.harsh, powersafeOverwrite: true },
    });
    (await made(safe, "/f", bytes(1))).writeSync(bytes(2), 0);
    expect(outcomesIn(safe).has("sector")).toBe(false);
  });

  it("A11: a new length may show old blocks of other files, at the same place in the block", async () => {
    await made(disk, "/old", new Uint8Array(8192).fill(7));
    await disk.unlink("/old");
    const file = await made(disk, "/f", bytes(1, 1));
    file.writeSync(new Uint8Array(6000).fill(2), 1);
    const index = disk.dirtyEffects().findIndex(({ kind }) => kind === "write");
    const after = disk.powerCut(only(index, { kind: "stale", seed: 1 })).readFile("/f");
    expect([...after.subarray(0, 2)]).toEqual([1, 1]);
    expect([...after.subarray(2)].every((byte) => byte === 7)).toBe(true);
    expect(after).toHaveLength(6001);
    expect(outcomesIn(disk)).toEqual(
      new Set(["torn", "garbage", "length", "stale", "sector", "bytes"]),
    );
  });

  it("lets single bytes survive, and is as long as the last of them", async () => {
    const file = await made(disk, "/f", bytes(1));
    file.writeSync(new Uint8Array(200).fill(2), 1);
    const single = (seed: number): Uint8Array =>
      disk.powerCut(only(0, { kind: "bytes", keptPercent: 50, seed })).readFile("/f");
    const after = single(3);
    expect(single(3)).toEqual(after);
    expect(single(4)).not.toEqual(after);
    const kept = [...after].filter((byte) => byte === 2).length;
    expect(kept).toBeGreaterThan(60);
    expect(kept).toBeLessThan(140);
    expect(after.at(-1)).toBe(2);
    const drawn = randomSurvival(disk, new SimulatedRandom(1), { piecesPercent: 100, grain: 1 });
    expect(drawn.exceptions[0]?.outcome).toMatchObject({ kind: "bytes" });
  });
});

describe("the windows profile", () => {
  let disk: SimulatedDisk;

  beforeEach(() => {
    disk = new SimulatedDisk({ profile: { ...diskProfiles.windows, busyPercent: 0 } });
  });

  it("A5: has no directory sync; the sync of any file makes earlier names durable", async () => {
    const file = await disk.open("/a", "create");
    await disk.syncDirectory("/");
    expect(disk.powerCut(dropAll).listAll()).toEqual([]);
    await file.sync();
    await (await disk.open("/b", "create")).close();
    expect(disk.powerCut(dropAll).listAll()).toEqual(["/a"]);
  });

  it("keeps names in order: none survives where an earlier one is lost", async () => {
    for (const name of ["/a", "/b", "/c"]) await (await disk.open(name, "create")).close();
    expect(disk.powerCut(only(1, "lost")).listAll()).toEqual(["/a"]);
    const seen = survivalFamily(disk).map((survival) => disk.powerCut(survival).listAll().length);
    expect([...new Set(seen)].sort()).toEqual([0, 1, 2, 3]);
    expect(seen).toHaveLength(4);
  });

  it("A7: refuses to rename, replace or remove a file that is open", async () => {
    const file = await made(disk, "/f", bytes(1));
    const other = await made(disk, "/g", bytes(2));
    await other.close();
    const busy = { code: "IO", retryable: true, details: { errno: "EBUSY" } };
    await expect(disk.unlink("/f")).rejects.toMatchObject(busy);
    await expect(disk.rename("/f", "/h")).rejects.toMatchObject(busy);
    await expect(disk.rename("/g", "/f")).rejects.toMatchObject(busy);
    await file.close();
    await disk.rename("/g", "/f");
    await disk.unlink("/f");
    expect(disk.listAll()).toEqual([]);
  });

  it("takes names that differ in case for one", async () => {
    const file = await made(disk, "/Data.log", bytes(1));
    await file.close();
    expect((await disk.stat("/DATA.LOG"))?.bytes).toBe(1);
    await expect(disk.open("/data.LOG", "create")).rejects.toMatchObject({ code: "EXISTS" });
    await disk.rename("/data.log", "/DATA.log");
    expect(await disk.list("/")).toEqual(["DATA.log"]);
    await disk.unlink("/data.log");
    expect(disk.listAll()).toEqual([]);
  });

  it.each(["con", "NUL.txt", "a:b", "end.", "a\\b"])("refuses the name %s", async (name) => {
    await expect(disk.open(`/${name}`, "create")).rejects.toMatchObject({
      details: { errno: "EINVAL" },
    });
    expect(disk.listAll()).toEqual([]);
  });

  it("finds names busy now and then, never more than twice in a row, the same for a seed", async () => {
    const failures = async (seed: number): Promise<string> => {
      const busy = new SimulatedDisk({ seed, profile: "windows", trace: "all" });
      let tried = "";
      for (let round = 0; round < 40; round++) {
        await (await busy.open("/f", "create")).close();
        for (let tries = 0; ; tries++) {
          expect(tries).toBeLessThan(3);
          try {
            await busy.unlink("/f");
            tried += tries;
            break;
          } catch (error) {
            expect((error as { details: { errno: string } }).details.errno).toMatch(/EBUSY|EPERM/);
          }
        }
      }
      return tried;
    };
    const tried = await failures(5);
    expect(tried).toMatch(/0/);
    expect(tried).toMatch(/[12]/);
    expect(await failures(5)).toBe(tried);
    expect(await failures(6)).not.toBe(tried);
  });
});

describe("the lying profile", () => {
  it("resolves syncs before anything is durable, and catches up some syncs later", async () => {
    const disk = new SimulatedDisk({ profile: "lying" });
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1), 0);
    await file.sync();
    await disk.syncDirectory("/");
    expect(disk.powerCut(dropAll).listAll()).toEqual([]);
    const killed = disk.kill();
    expect([...killed.readFile("/f")]).toEqual([1]);
    const again = await killed.open("/f", "write");
    for (let sync = 0; sync < 2; sync++) await again.sync();
    expect(killed.powerCut(dropAll).listAll()).toEqual([]);
    expect(killed.powerCut({ ...dropAll, directories: "kept" }).readFile("/f")).toHaveLength(1);
    await again.sync();
    expect([...killed.powerCut(dropAll).readFile("/f")]).toEqual([1]);
  });
});

describe("a background write-back", () => {
  let disk: SimulatedDisk;
  let file: DiskFile;

  beforeEach(async () => {
    disk = new SimulatedDisk();
    file = await made(disk, "/f", bytes(0, 0, 0, 0));
  });

  it("A3: may make any effect durable at any moment, before others", () => {
    for (const at of [0, 1, 2]) file.writeSync(bytes(at + 1), at);
    disk.writeBack([1]);
    expect(disk.dirtyEffects()).toHaveLength(2);
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([0, 2, 0, 0]);
    expect([...disk.powerCut(keepAll).readFile("/f")]).toEqual([1, 2, 3, 0]);
    expect(
      disk
        .ledger()
        .map(({ fate }) => fate)
        .slice(-3),
    ).toEqual(["pending", "durable", "pending"]);
  });

  it("A3: takes what it lies upon along, so that nothing old comes out on top", async () => {
    file.writeSync(bytes(1, 1, 1), 0);
    file.writeSync(bytes(2), 1);
    await file.truncate(3);
    file.writeSync(bytes(3), 3);
    disk.writeBack([1]);
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([1, 2, 1, 0]);
    disk.writeBack([1]);
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([1, 2, 1, 3]);
    await file.sync();
    expect([...disk.powerCut(dropAll).readFile("/f")]).toEqual([1, 2, 1, 3]);
  });

  it("A3: may store a name, and a failed sync does not take it back", async () => {
    await (await disk.open("/g", "create")).close();
    file.writeSync(bytes(5), 0);
    disk.writeBack([0, 1]);
    disk.faults.push({ operation: "sync", errno: "EIO" });
    file.writeSync(bytes(6), 1);
    await expect(file.sync()).rejects.toThrow();
    const cut = disk.powerCut(keepAll);
    expect(cut.listAll()).toEqual(["/f", "/g"]);
    expect([...cut.readFile("/f")]).toEqual([5, 0, 0, 0]);
  });
});
