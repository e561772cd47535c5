// What the next backup makes of one that was broken off while it went on with a segment, and of an original that lost power.
import { expect, it } from "vitest";
import { backUp } from "../../src/recovery/backup.ts";
import { SimulatedDisk, survivalFamily } from "../../src/testing/testing.ts";
import type { Database } from "../../src/varve.ts";
import { digestOf } from "../corruption/specimen.ts";
import { recordCalls } from "../support/recorded-life.ts";
import { copy, openAt, original, portsOn, write } from "./support.ts";

/** Every disk that a crash can leave of a second backup, behind a first one and another write. */
async function* crashed(
  second: (db: Database, disk: SimulatedDisk) => Promise<unknown>,
): AsyncGenerator<{ readonly label: string; readonly disk: SimulatedDisk }> {
  const disk = new SimulatedDisk({ seed: 2, trace: "none" });
  disk.writeFile("/data/other", new Uint8Array(1));
  const db = await openAt(disk, original);
  await write(db, 0);
  await db.backup(copy);
  await write(db, 1);
  const places = await recordCalls(
    disk,
    () => undefined,
    async () => {
      await second(db, disk);
    },
  );
  for (const { label, phase, disk: then } of places) {
    if (phase === "before") continue;
    yield { label: `${label}; kill`, disk: then.clone() };
    for (const survival of survivalFamily(then)) {
      yield { label: `${label}; ${survival.label}`, disk: then.powerCut(survival) };
    }
  }
}

/** The code of what the next backup fails with; where it does not fail, the copy is the original. */
async function nextBackup(disk: SimulatedDisk, label: string): Promise<string | undefined> {
  const db = await openAt(disk, original);
  await write(db, 2);
  const code = await db.backup(copy).then(
    () => undefined,
    (error: { readonly code?: string }) => error.code,
  );
  if (code === undefined) {
    const there = await openAt(disk, copy, { create: false });
    expect(await digestOf(there), label).toBe(await digestOf(db));
    expect(await there.verify(), label).toMatchObject({ sound: true });
  }
  disk.stop();
  return code;
}

it("a backup that a crash broke off, of a database that lost power as well, is followed by the next one", async () => {
  let states = 0;
  for await (const { label, disk } of crashed((db) => db.backup(copy))) {
    expect([label, await nextBackup(disk, label)]).toEqual([label, undefined]);
    states++;
  }
  expect(states).toBeGreaterThan(80);
});

it("and where nobody could make the original's end durable, by a sound one or by none", async () => {
  const found = new Map<string | undefined, number>();
  const beside = async (db: Database, disk: SimulatedDisk): Promise<void> => {
    await db.flush();
    await backUp(portsOn(disk), original, copy, async () => {});
  };
  let turn = 0;
  for await (const { label, disk } of crashed(beside)) {
    if (turn++ % 3 > 0) continue;
    const code = await nextBackup(disk, label);
    found.set(code, (found.get(code) ?? 0) + 1);
  }
  expect([...found.keys()].sort()).toEqual(["EXISTS", undefined]);
  expect(found.get(undefined)).toBeGreaterThan(30);
});
