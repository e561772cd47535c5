// Tests of an ingest that is killed or interrupted: resumed, it is the same as one that was not.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { airRoutes, dump, makeWorkplace, runHere, runVarve } from "./run-command.ts";

const place = makeWorkplace("resume");
afterAll(() => place.remove());

// Good and bad rows mixed, so that the rejects file is put to the test as well.
const nodeRows = Array.from({ length: 1500 }, (_, at) =>
  at % 50 === 7 ? `n${at}` : `n${at},${at}`,
);
const edgeRows = Array.from({ length: 4500 }, (_, at) =>
  at % 90 === 3
    ? `n${at % 1500},n${(at * 7) % 1500},bad`
    : `n${at % 1500},n${(at * 7) % 1500},${at}`,
);
const nodes = place.write("nodes.csv", `id,n:int\n${nodeRows.join("\n")}\n`);
const edges = place.write("edges.csv", `from,to,w:int\n${edgeRows.join("\n")}\n`);
const inputs = ["--nodes", nodes, "--edges", edges];
const totals = { nodes: 1500 - 30 + 30, edges: 4450, implicitNodes: 30, rejected: 80 };

let wanted: string[];
let wantedRejects: string;
beforeAll(async () => {
  const ended = await runVarve(["ingest", place.path("whole.varve"), ...inputs, "--json"]);
  expect(ended.json()).toMatchObject(totals);
  wanted = await dump(place.path("whole.varve"));
  wantedRejects = readFileSync(place.path("whole.varve.rejects.ndjson"), "utf8");
});

describe("an ingest killed with SIGKILL", () => {
  it.each([1, 1490, 1510, 3000, 5500])(
    "after %i rows goes on with --resume: nothing lost, nothing twice",
    async (stopAtRows) => {
      const name = `killed-${stopAtRows}.varve`;
      const words = ["ingest", place.path(name), ...inputs, "--batch", "10"];
      const killed = await runVarve(words, { stopAtRows });
      expect(killed.signal).toBe("SIGKILL");
      const refused = await runVarve(words);
      expect([refused.code, refused.stderr]).toEqual([
        2,
        expect.stringMatching(/^varve: USAGE: .*--resume.*--restart/),
      ]);
      // As if the kill had come between a batch's rejects and its transaction.
      appendFileSync(place.path(`${name}.rejects.ndjson`), '{"file":"of a batch that was lost"}\n');
      const resumed = await runVarve([...words, "--resume", "--json"]);
      expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
      expect(resumed.json()).toMatchObject({ ...totals, resumed: true, complete: true });
      expect(await dump(place.path(name))).toEqual(wanted);
      expect(readFileSync(place.path(`${name}.rejects.ndjson`), "utf8")).toBe(wantedRejects);
    },
  );

  it("several times over is resumed several times", async () => {
    const words = ["ingest", place.path("often.varve"), ...inputs, "--batch", "7"];
    for (const stopAtRows of [250, 1000, 2500, 4000]) {
      const killed = await runVarve([...words, "--resume"], { stopAtRows });
      expect(killed.signal).toBe("SIGKILL");
    }
    const resumed = await runVarve([...words, "--resume", "--json"]);
    expect(resumed.json()).toMatchObject(totals);
    expect(await dump(place.path("often.varve"))).toEqual(wanted);
    const again = await runVarve([...words, "--resume", "--json"]);
    expect([again.code, again.json()]).toEqual([
      0,
      expect.objectContaining({ ...totals, rows: 0 }),
    ]);
    expect(await dump(place.path("often.varve"))).toEqual(wanted);
  });

  it("on real data gives the same graph as one that ran through", async () => {
    const whole = ["ingest", place.path("routes-whole.varve"), ...airRoutes];
    expect((await runVarve(whole)).code).toBe(0);
    const words = ["ingest", place.path("routes.varve"), ...airRoutes];
    const killed = await runVarve([...words, "--batch", "100"], { stopAtRows: 30_000 });
    expect(killed.signal).toBe("SIGKILL");
    expect((await runVarve([...words, "--resume"])).code).toBe(0);
    expect(await dump(place.path("routes.varve"))).toEqual(
      await dump(place.path("routes-whole.varve")),
    );
    expect((await runHere(["verify", place.path("routes.varve")])).code).toBe(0);
  });

  it("is not resumed with a changed file or other options, and keeps what it has", async () => {
    const input = place.write(
      "changing.txt",
      edgeRows.map((row) => row.replaceAll(",", " ")).join("\n"),
    );
    const words = ["ingest", place.path("changed.varve"), "--edges", input, "--batch", "10"];
    expect((await runVarve(words, { stopAtRows: 1000 })).signal).toBe("SIGKILL");
    const before = await dump(place.path("changed.varve"));
    const other = await runVarve([...words, "--strict", "--resume"]);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining("other files or options"),
    ]);
    const original = readFileSync(input);
    writeFileSync(input, Buffer.concat([original.subarray(0, -1), Buffer.from("1")]));
    const changed = await runVarve([...words, "--resume"]);
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringContaining("has changed")]);
    appendFileSync(input, "\nx y\n");
    expect((await runVarve([...words, "--resume"])).code).toBe(2);
    expect(await dump(place.path("changed.varve"))).toEqual(before);
    const restarted = await runVarve([...words, "--restart", "--json"]);
    expect(restarted.json()).toMatchObject({ edges: 4501, resumed: false });
    expect((await dump(place.path("changed.varve"))).length).toBeGreaterThan(4501);
  });
});

describe("an ingest interrupted with SIGINT", () => {
  it("stores what it has read, says how to go on, and is resumed", async () => {
    const words = ["ingest", place.path("interrupted.varve"), ...inputs, "--batch", "10"];
    const ended = await runVarve([...words, "--json"], { stopAtRows: 1000, signal: "SIGINT" });
    expect([ended.code, ended.stderr]).toEqual([
      130,
      expect.stringMatching(/^varve: INTERRUPTED: [^\n]*--resume[^\n]*\n$/),
    ]);
    expect(ended.json()).toMatchObject({ complete: false });
    expect((await runVarve([...words, "--resume"])).code).toBe(0);
    expect(await dump(place.path("interrupted.varve"))).toEqual(wanted);
  });
});

describe("--resume", () => {
  it("of an ingest that never began starts at the first row", async () => {
    const path = place.path("fresh.varve");
    const ended = await runVarve(["ingest", path, ...inputs, "--resume", "--json"]);
    expect(ended.json()).toMatchObject({ ...totals, resumed: false });
  });

  it("leaves no rejects file where nothing was rejected", async () => {
    const path = place.path("clean.varve");
    const ended = await runVarve(["ingest", path, "--edges", place.write("one.txt", "a b\n")]);
    expect(ended.code).toBe(0);
    expect(existsSync(`${path}.rejects.ndjson`)).toBe(false);
  });
});
