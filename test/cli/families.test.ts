// Tests of `--graph` and `--map` as built: ingesting into a graph, reading it, and writing it out.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/varve.ts";
import { makeWorkplace, runVarve } from "./run-command.ts";

const place = makeWorkplace("families");
const path = place.path("graph.varve");

beforeAll(async () => {
  const roads = place.write("roads.csv", "from,to,km:int\nx,y,3\ny,z,4\n");
  const others = place.write("others.csv", "from,to\nx,q\n");
  const ended = await runVarve([
    ...["ingest", path, "--graph", "roads", "--edges", roads, "--json"],
  ]);
  expect([ended.code, ended.stderr]).toEqual([0, ""]);
  expect(ended.json()).toMatchObject({ nodes: 3, edges: 2, implicitNodes: 3, complete: true });
  expect((await runVarve(["ingest", path, "--edges", others])).code).toBe(0);
  const db = await open(path);
  await db.transact((tx) => {
    tx.map("config").put("b", 2n);
    tx.map("config").put("a", { x: 1 });
  });
  await db.close();
});
afterAll(() => place.remove());

describe("--graph", () => {
  it("reads the graph it names, and the default one where it is not there", async () => {
    const neighbors = await runVarve(["neighbors", path, "x", "--graph", "roads"]);
    expect([neighbors.code, neighbors.stdout]).toEqual([0, "y\n"]);
    expect((await runVarve(["neighbors", path, "x"])).stdout).toBe("q\n");
    const route = await runVarve(["path", path, "x", "z", "--graph", "roads", "--json"]);
    expect(route.json()).toMatchObject({ found: true, path: ["x", "y", "z"] });
    expect((await runVarve(["get", path, "z", "--graph", "roads"])).code).toBe(0);
    expect((await runVarve(["get", path, "z"])).code).toBe(1);
    expect((await runVarve(["get", path, "z", "--graph", "none"])).code).toBe(1);
    expect((await runVarve(["get", path, "z", "--graph", ""])).code).toBe(2);
    const stats = (await runVarve(["stats", path, "--json"])).json();
    expect(stats).toMatchObject({
      nodes: 2,
      edges: 1,
      graphs: [{ name: "roads", nodes: 3, edges: 2 }],
      maps: [{ name: "config", entries: 2 }],
    });
  });

  it("exports one graph or one map, and says what it leaves out", async () => {
    const all = await runVarve(["export", path, "--format", "ndjson"]);
    expect(all.code).toBe(0);
    expect(all.stderr).toBe("varve: not in this export: --graph roads, --map config\n");
    expect(all.stdout).not.toContain('"z"');
    const out = place.path("out");
    const ended = await runVarve([
      ...["export", path, "--format", "ndjson", "--graph", "roads", "--out", out],
    ]);
    expect(ended.code).toBe(0);
    const edges = readFileSync(join(out, "edges.ndjson"), "utf8");
    expect(
      edges
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { "~from": "x", "~to": "y", "~label": "EDGE", km: 3 },
      { "~from": "y", "~to": "z", "~label": "EDGE", km: 4 },
    ]);
    const map = await runVarve(["export", path, "--format", "ndjson", "--map", "config"]);
    expect([map.code, map.stdout]).toEqual([
      0,
      '{"~key":"a","~value":{"x":1}}\n{"~key":"b","~value":{"$bigint":"2"}}\n',
    ]);
    expect((await runVarve(["export", path, "--format", "csv", "--map", "config"])).code).toBe(2);
  });
});
