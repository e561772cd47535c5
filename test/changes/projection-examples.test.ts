// The projections in examples/, beside random writes, closes and crashes, against a recount of the graph and of the log.
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dropAll, type SimulatedPorts, simulatedPorts } from "../../src/testing/testing.ts";
import type { Database, ProjectionDefinition } from "../../src/varve.ts";
import { machine } from "../database/support.ts";
import { projectRoot } from "../tidy/source-text.ts";
import { settle, transact, transactions } from "./live-support.ts";

type Degree = { out: number; in: number };
type Counts = Record<string, number>;

interface Examples {
  readonly degrees: ProjectionDefinition<{ edges: number }, Degree>;
  readonly activity: ProjectionDefinition<{ minute: number }, Counts>;
  keyOf(minute: number): string;
  readonly minutesKept: number;
}

// They are JavaScript, as users run them, and have no types of their own.
const folder = join(projectRoot, "examples/projections");
const { degrees, activity, keyOf, minutesKept } = {
  ...(await import(join(folder, "degrees.js"))),
  ...(await import(join(folder, "activity.js"))),
} as Examples;

const steps = fc.record({
  ops: transactions,
  ends: fc.array(fc.constantFrom("close", "crash", "time"), { minLength: 12, maxLength: 12 }),
  minutes: fc.array(fc.nat(25), { minLength: 12, maxLength: 12 }),
});

async function end(how: string, db: Database, ports: SimulatedPorts): Promise<SimulatedPorts> {
  const { clock } = ports;
  let { disk } = ports;
  if (how === "close") {
    await db.close();
  } else {
    ports.scheduler.stop();
    disk.stop();
    disk = disk.powerCut(dropAll);
  }
  return simulatedPorts({ disk, clock, tasks: "automatic" });
}

describe("the projections in examples", () => {
  it("count what a recount counts, through closes and power cuts", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async ({ ops, ends, minutes }) => {
        let ports = simulatedPorts({ tasks: "automatic" });
        let { db } = await machine({}, ports);
        for (const [i, transaction] of ops.entries()) {
          const byDegree = await db.project("degrees", degrees);
          const byMinute = await db.project("activity", activity);
          await transact(db, transaction);
          await Promise.all([byDegree.caughtUp(), byMinute.caughtUp()]);
          expect([...byDegree.out.range()]).toEqual(degreesOf(db));
          expect(byDegree.state.edges).toBe(db.edgeCount);
          expect([...byMinute.out.range()]).toEqual(await activityOf(db));
          const how = ends[i % ends.length]!;
          await settle();
          await ports.scheduler.advance(minutes[i % minutes.length]! * 60_000 + 1100);
          if (how === "time") {
            await byDegree.close();
            await byMinute.close();
            continue;
          }
          ports = await end(how, db, ports);
          ({ db } = await machine({}, ports));
        }
        await db.close();
      }),
      { numRuns: 40 },
    );
  });
});

function degreesOf(db: Database): [string, Degree][] {
  return [...db.nodes()]
    .map(({ key }): [string, Degree] => [
      key,
      { out: db.degree(key, { direction: "out" }), in: db.degree(key, { direction: "in" }) },
    ])
    .filter(([, node]) => node.out + node.in > 0);
}

async function activityOf(db: Database): Promise<[string, Counts][]> {
  const windows = new Map<number, Counts>();
  let last = 0;
  for await (const change of db.changes({ live: false }).events()) {
    if (change.kind !== "event") continue;
    last = Math.floor(change.at / 60_000);
    const counts = windows.get(last) ?? {};
    counts[change.name] = (counts[change.name] ?? 0) + 1;
    windows.set(last, counts);
  }
  return [...windows]
    .filter(([minute]) => minute > last - minutesKept)
    .map(([minute, counts]) => [keyOf(minute), counts]);
}
