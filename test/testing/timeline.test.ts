// The ledger and its timeline: what became of each byte range and each name, as data, as text and as a page.
import { beforeEach, describe, expect, it } from "vitest";
import {
  dropAll,
  keepAll,
  type Outcome,
  parsePlan,
  SimulatedDisk,
  type Survival,
  survivalFamily,
  timelineHtml,
  timelineText,
} from "../../src/testing/testing.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function lostWith(index: number, outcome: Outcome): Survival {
  return { ...keepAll, label: "planted", exceptions: [{ from: index, to: index + 1, outcome }] };
}

describe("the ledger", () => {
  let disk: SimulatedDisk;

  beforeEach(async () => {
    disk = new SimulatedDisk();
    const file = await disk.open("/f", "create");
    file.writeSync(bytes(1, 2, 3, 4), 0);
    await file.sync();
    file.writeSync(bytes(5, 6), 4);
    disk.faults.push({ operation: "sync", path: "/f", errno: "EIO" });
    await file.sync().catch(() => {});
    file.writeSync(bytes(7), 6);
    const other = await disk.open("/other", "create");
    other.writeSync(bytes(1), 0);
    await disk.syncDirectory("/");
    await other.truncate(9);
    await disk.rename("/other", "/next");
  });

  const fates = (survival?: Survival): string[] =>
    disk
      .ledger(survival)
      .map(({ call, kind, path, fate, by }) =>
        `${call} ${kind} ${path} ${fate} ${by ?? ""}`.trim(),
      );

  it("says of each range and each name whether it is durable, pending or given up", () => {
    expect(fates()).toEqual([
      "0 create /f durable 8",
      "1 write /f durable 2",
      "3 write /f forgotten 4",
      "5 write /f pending",
      "6 create /other durable 8",
      "7 write /other pending",
      "9 truncate /other pending",
      "10 rename /other pending",
    ]);
    expect(disk.ledger().at(-1)).toMatchObject({ to: "/next", offset: 0, length: 0 });
    expect(disk.ledger()[3]).toMatchObject({ offset: 6, length: 1 });
  });

  it("says what a crash makes of it", () => {
    expect(fates(dropAll).filter((line) => line.endsWith("lost"))).toHaveLength(4);
    expect(fates(dropAll).filter((line) => /pending|kept/.test(line))).toEqual([]);
    const torn = disk.ledger(lostWith(1, { kind: "torn", keep: "prefix", bytes: 0 }));
    expect(torn.map(({ fate }) => fate)).toEqual([
      "durable",
      "durable",
      "forgotten",
      "kept",
      "durable",
      "torn",
      "kept",
      "kept",
    ]);
    expect(torn[5]?.outcome).toEqual({ kind: "torn", keep: "prefix", bytes: 0 });
  });

  it("agrees with what a crash leaves, for every survival of the family", () => {
    for (const survival of survivalFamily(disk)) {
      const ledger = disk.ledger(survival);
      const cut = disk.powerCut(survival);
      const renamed = ledger.find(({ kind }) => kind === "rename");
      expect(cut.listAll().includes("/next"), survival.label).toBe(renamed?.fate === "kept");
      const last = ledger.find(({ call }) => call === 5);
      const byte = cut.readFile("/f")[6];
      expect(byte, survival.label).toBe(
        last?.fate === "kept" ? 7 : last?.fate === "lost" ? undefined : byte,
      );
    }
  });

  it("knows what an earlier life left at risk, and a file that is gone", async () => {
    const killed = disk.kill();
    const file = await killed.open("/f", "write");
    await killed.unlink("/f");
    file.writeSync(bytes(1), 0);
    await killed.syncDirectory("/");
    expect(killed.ledger().map(({ call, path, fate }) => `${call} ${path} ${fate}`)).toEqual([
      "-1 /next pending",
      "-1 /next pending",
      "0 /f durable",
      "1 /f gone",
    ]);
  });

  it("tells a rename into another directory as the two changes that it is", async () => {
    const fresh = new SimulatedDisk();
    fresh.writeFile("/d/x", bytes());
    fresh.writeFile("/f", bytes(1));
    await fresh.rename("/f", "/d/f");
    expect(fresh.ledger().map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      "create /d/f",
      "unlink /f",
    ]);
  });

  it("tells what a full disk took of a write, not what was asked for", async () => {
    const full = new SimulatedDisk({ capacityBytes: 4096 });
    const file = await full.open("/f", "create");
    expect(() => file.writeSync(new Uint8Array(5000), 0)).toThrow("ENOSPC");
    expect(full.ledger()[1]).toMatchObject({ kind: "write", length: 4096 });
  });
});

/** Two lives: one with a fault that ends in a torn write, one that goes on. */
async function lives(name = "log"): Promise<Parameters<typeof timelineText>[0]> {
  const plan = parsePlan('sync #2 > errno EIO; write "none" > zero');
  const disk = new SimulatedDisk({ seed: 7, plan });
  const file = await disk.open(`/${name}`, "create");
  file.writeSync(new Uint8Array(100), 0);
  await file.sync();
  await disk.syncDirectory("/");
  file.writeSync(new Uint8Array(50), 100);
  await file.sync().catch(() => {});
  file.writeSync(new Uint8Array(600), 150);
  await disk.rename(`/${name}`, `/${name}2`);
  const torn: Outcome = { kind: "torn", keep: "prefix", bytes: 362 };
  const end: Survival = {
    label: "torn at a sector",
    files: "kept",
    directories: "lost",
    exceptions: [{ from: 0, to: 1, outcome: torn }],
  };
  const next = disk.powerCut(end);
  await (await next.open("/new", "create")).close();
  return [
    { disk, end },
    { disk: next, title: "Recovery" },
  ];
}

describe("the timeline as text", () => {
  it("has a line for each call and what became of it", async () => {
    const text = timelineText(await lives(), { title: "A bug", notes: ["run: seed 7"] });
    expect(text).toBe(`A bug
run: seed 7

Life 1: profile strict; seed 7; faults sync #2 > errno EIO; write "none" > zero; 8 calls; power cut: torn at a sector
     0  create         /log              durable by 3
     1  write          /log [0, +100)    durable by 2
     2  sync           /log              makes durable: 1
     3  syncDirectory  /                 makes durable: 0
     4  write          /log [100, +50)   never durable: sync 5 failed
     5  sync           /log              (errno EIO); failed with EIO
     6  write          /log [150, +600)  torn: only the first 362 of 600 bytes
     7  rename         /log -> /log2     lost
2 durable, 1 torn, 1 lost, 1 forgotten
/log: none -> 512 bytes
/log2: 750 bytes -> none

Recovery: profile strict; seed 7; faults none; 1 call; goes on
     0  create  /new  pending
1 pending
`);
  });

  it("shows reads where the trace has them, and nothing that a terminal would obey", async () => {
    const disk = new SimulatedDisk({ trace: "all" });
    const file = await disk.open("/a\u001b[2J\nb", "create");
    file.readSync(bytes(1), 0);
    const text = timelineText([{ disk, end: "kill" }]);
    expect(text).toContain("/a\\u{1b}[2J\\u{a}b [0, +1)");
    expect(text).toContain("ends by a kill");
    expect(text).not.toContain("\u001b");
  });
});

describe("the timeline as a page", () => {
  it("marks each call, needs nothing else and runs nothing", async () => {
    const page = timelineHtml(await lives(), { notes: ["replay: x"] });
    expect(page).toMatch(/^<!doctype html>/);
    for (const mark of [
      '<span class="mark durable">durable by 3</span>',
      '<span class="mark torn">torn: only the first 362 of 600 bytes</span>',
      '<span class="mark lost">lost</span>',
      '<span class="mark settles">makes durable: 1</span>',
      '<span class="fault">errno EIO</span>',
      '<p class="note">replay: x</p>',
    ]) {
      expect(page).toContain(mark);
    }
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|@import|url\(|https?:/i);
    expect(page.match(/<tr class="row-/g)).toHaveLength(9);
  });

  it("escapes every text that a user may choose", async () => {
    const evil = `<img src=x onerror=alert(1)>"'&`;
    const hostile = await lives(evil.replaceAll("/", ""));
    const [first] = hostile;
    const page = timelineHtml([{ ...first!, title: evil }, ...hostile.slice(1)], {
      title: evil,
      notes: [evil],
    });
    expect(page).not.toContain("<img");
    expect(
      page.match(/&lt;img src=x onerror=alert\(1\)&gt;&quot;&#39;&amp;/g)?.length,
    ).toBeGreaterThan(8);
  });
});
