// Damaged files of a database (O11, O13) and subscribers that throw, stall or leave beside another one (S10), as the kit has them for any store;
// test/corruption takes the files byte by byte.
import { expect, it } from "vitest";
import { checkIsolation, exploreDamage, type Subscribe } from "../../src/testing/testing.ts";
import { linked, marked, small } from "../support/commit-model.ts";
import {
  type DatabaseSubject,
  databaseSubject,
  type Running,
} from "../support/database-subject.ts";
import { openLayeredWith } from "../support/layered-script.ts";

const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;

const steps = [small("a"), linked("b", "a"), marked("m"), "checkpoint", linked("c", "b")] as const;

/** Everything but segments and manifest is made of these. */
const isDerived = (path: string): boolean =>
  /(\.tree|checkpoint-\d+|allocation|reserve)$/.test(path);

/** While an index is made anew reads are refused, and say that trying again helps. */
async function patiently<T>({ ports }: Running, read: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "INDEX_REBUILDING" || attempt > 50) throw error;
      await ports.scheduler.advance(50);
    }
  }
}

it("any damage to a file is answered as before or refused, and a refusal changes nothing", {
  timeout: 300_000,
}, async () => {
  const plain = databaseSubject({ open: (ports) => openLayeredWith(ports), opensAsSaved: false });
  const subject: DatabaseSubject = {
    ...plain,
    read: (running, world) => patiently(running, () => plain.read(running, world)),
  };
  const report = await exploreDamage(subject, {
    steps,
    byteStride: isThorough ? 7 : 4001,
    isDerived,
    isSpared: (path) => path.endsWith("/reserve") || path === "/data/other",
  });
  expect(report.failures).toEqual([]);
  expect(report.same).toBeGreaterThan(20);
  expect(report.refused).toBeGreaterThan(20);
  process.stdout.write(`damage: ${report.cases} cases, ${report.refused} refused\n`);
});

const subscribe: Subscribe<Running> = ({ db }, deliver) => {
  const feed = db.changes()[Symbol.asyncIterator]();
  const deliverAll = async (): Promise<void> => {
    for (let next = await feed.next(); next.done !== true; next = await feed.next()) {
      const { firstLsn, lastLsn, changes } = next.value;
      await deliver([firstLsn, lastLsn, changes.map(({ lsn, kind }) => `${lsn} ${kind}`)]);
    }
  };
  deliverAll().catch(() => {});
  return async () => {
    await feed.return?.();
  };
};

it("a subscriber that throws, stalls or leaves makes no difference to another one, nor to the log", async () => {
  await checkIsolation(databaseSubject(), subscribe, { steps: [small("a"), ...steps] });
});
