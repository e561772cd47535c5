// What a rejection promises: a transaction that was turned down is gone at that moment, whatever arrived on the disk.
import { describe, expect, it } from "vitest";
import { type ErrnoEffect, SimulatedDisk } from "../../src/testing/testing.ts";
import { Explorer, lossesAt } from "../support/crash-explorer.ts";
import { settles } from "../support/crash-faults.ts";
import { History } from "../support/crash-oracle.ts";
import { large, linked, type Opened, openOn, prepared, small } from "../support/crash-script.ts";

interface Life extends Opened {
  readonly disk: SimulatedDisk;
  readonly history: History;
}

async function begun(): Promise<Life> {
  const disk = prepared(new SimulatedDisk({ seed: 5 }));
  const history = new History();
  const opened = await openOn(disk);
  await history.submit(opened.db, small("kept"));
  return { ...opened, disk, history };
}

/** A crash right now, whatever it leaves: what was acknowledged is there, and nothing that was rejected. */
async function crashAtOnce({ disk, history }: Life, label: string): Promise<void> {
  const explorer = new Explorer();
  const point = { label, call: 0, phase: "after" as const, disk, history };
  for (const loss of lossesAt(disk)) await explorer.check(point, loss, "");
  expect(explorer.tally.states).toBeGreaterThan(1);
}

const arrivals: readonly Pick<ErrnoEffect, "applied" | "appliedCount">[] = [
  { applied: "none" },
  { applied: "prefix", appliedCount: 40 },
  { applied: "prefix" },
  { applied: "all" },
];

describe("a transaction whose write fails", () => {
  it.each(arrivals)(
    "is gone once it is rejected, whatever of it had arrived: %o",
    async (arrival) => {
      for (const errno of ["ENOSPC", "EIO"]) {
        const life = await begun();
        const { db, ports, disk, history } = life;
        disk.faults.push({ operation: "write", path: "0001.log", errno, ...arrival });
        const lost = await settles("transact", ports, history.submit(db, linked("lost", "kept")));
        expect(lost).toMatchObject({
          status: "rejected",
          reason: { retryable: errno === "ENOSPC" },
        });
        history.checkSettled(db);
        await crashAtOnce(life, `${errno} ${JSON.stringify(arrival)}`);
      }
    },
  );

  it("takes with it what is queued behind it for the next segment", async () => {
    for (const arrival of arrivals) {
      const life = await begun();
      const { db, ports, disk, history } = life;
      disk.faults.push({ operation: "write", path: "0001.log", errno: "ENOSPC", ...arrival });
      // Two of them do not fit one segment: the second waits for a roll, in a group of its own.
      const both = [large("first", 40_000), large("second", 40_000), linked("third", "kept")];
      const results = await Promise.all(
        both.map((plan) => settles("transact", ports, history.submit(db, plan))),
      );
      expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      history.checkSettled(db);
      await crashAtOnce(life, JSON.stringify(arrival));
      await history.submit(db, linked("later", "kept"));
      await crashAtOnce(life, `later, ${JSON.stringify(arrival)}`);
    }
  });
});

describe("a close", () => {
  it.each(["write", "sync"] as const)(
    "rejects where its %s of the clean mark fails, and all is there",
    async (operation) => {
      const life = await begun();
      const { db, ports, disk, history } = life;
      disk.faults.push({ operation, path: "watermark", errno: "EIO" });
      const closed = await settles("close", ports, db.close());
      expect(closed).toMatchObject({ status: "rejected", reason: { code: "IO" } });
      expect(disk.openFiles).toBe(0);
      history.checkSettled((await openOn(disk.clone())).db);
      await crashAtOnce(life, operation);
    },
  );
});
