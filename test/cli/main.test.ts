// Tests of the built command: exit codes, JSON output, and that wrong usage changes nothing on disk.

import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/varve.ts";
import { airRoutes, commandPath, dump, makeWorkplace, runHere, runVarve } from "./run-command.ts";

const place = makeWorkplace("main");
const routes = place.path("routes.varve");
beforeAll(async () => {
  const ended = await runVarve(["ingest", routes, ...airRoutes, "--json"]);
  expect([ended.code, ended.stderr]).toEqual([0, ""]);
  expect(ended.json()).toMatchObject({
    nodes: 3749,
    edges: 57645,
    implicitNodes: 0,
    rejected: 0,
    rows: 61394,
    complete: true,
    rejectsFile: null,
  });
});
afterAll(() => place.remove());

describe("varve", () => {
  it("shows help and version with exit code 0", async () => {
    const help = await runVarve(["--help"]);
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toMatch(/ingest[\s\S]*get[\s\S]*Exit codes/);
    expect((await runVarve(["ingest", "--help"])).stdout).toContain("--rejects");
    expect((await runVarve(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("ends with exit code 2 and one line where it is used wrongly", async () => {
    const ended = await runVarve(["explode"]);
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toMatch(/^varve: USAGE: [^\n]+\n$/);
  });

  it.each([
    [[]],
    [["explode"]],
    [["get", routes]],
    [["get", routes, "1", "2"]],
    [["get", routes, ""]],
    [["get", routes, "x".repeat(1025)]],
    [["get", routes, "1", "--nope"]],
    [["neighbors", routes, "1", "--direction", "up"]],
    [["changes", routes, "--from", "0"]],
    [["changes", routes, "--from", "soon"]],
    [["changes", routes, "--limit", "-1"]],
  ])("answers wrong usage %j with exit code 2 and one line", async (words) => {
    const ended = await runHere(words);
    expect(ended.code).toBe(2);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toMatch(/^varve: USAGE: [^\n]+\n$/);
  });

  it.each(["get", "neighbors", "path", "stats", "changes"])(
    "%s says NOT_FOUND where there is no database, and makes none",
    async (command) => {
      const missing = place.path("missing.varve");
      const words = { get: ["1"], neighbors: ["1"], path: ["1", "2"] }[command] ?? [];
      const ended = await runHere([command, missing, ...words]);
      expect(ended.code).toBe(3);
      expect(ended.stderr).toMatch(/^varve: NOT_FOUND: [^\n]+\n$/);
      expect(existsSync(missing)).toBe(false);
    },
  );

  it("says NOT_A_DATABASE of a directory that is none, and leaves it alone", async () => {
    const other = makeWorkplace("other");
    other.write("letter.txt", "dear");
    const input = place.write("one.csv", "id\na\n");
    for (const words of [
      ["get", other.path(""), "1"],
      ["ingest", other.path(""), "--nodes", input],
    ]) {
      const ended = await runVarve(words);
      expect(ended.code).toBe(3);
      expect(ended.stderr).toMatch(/^varve: NOT_A_DATABASE: [^\n]+\n$/);
    }
    expect(readdirSync(other.path(""))).toEqual(["letter.txt"]);
    other.remove();
  });
});

describe("varve get", () => {
  it("prints a node, for people and as JSON", async () => {
    const text = await runVarve(["get", routes, "1"]);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^1 :airport\n[\s\S]* {2}code: "ATL"\n[\s\S]* {2}runways: 5\n/);
    const node = (await runHere(["get", routes, "1", "--json"])).json();
    expect(node).toMatchObject({ found: true, key: "1", labels: ["airport"] });
    expect(node["props"]).toMatchObject({ code: "ATL", runways: 5, lat: 33.6366996765137 });
    expect(node["props"]).not.toHaveProperty("author");
  });

  it("has exit code 1 for an absent node", async () => {
    const text = await runHere(["get", routes, "nobody"]);
    expect([text.code, text.stdout, text.stderr]).toEqual([1, "", "varve: no node nobody\n"]);
    const json = await runVarve(["get", routes, "nobody", "--json"]);
    expect([json.code, json.json()]).toEqual([1, { found: false, key: "nobody" }]);
  });
});

describe("varve neighbors", () => {
  it("lists neighbours by direction and type", async () => {
    const all = (await runVarve(["neighbors", routes, "1", "--json"])).json();
    expect(all).toMatchObject({ found: true, key: "1", count: 242 });
    const inward = await runHere([
      "neighbors",
      routes,
      "1",
      "--direction",
      "in",
      "--type",
      "contains",
    ]);
    expect(inward.stdout.trim().split("\n")).toHaveLength(2);
    const none = await runHere(["neighbors", routes, "1", "--type", "nothing", "--json"]);
    expect([none.code, none.json()["neighbors"]]).toEqual([0, []]);
  });

  it("has exit code 1 for an absent node", async () => {
    expect((await runHere(["neighbors", routes, "nobody"])).code).toBe(1);
  });
});

describe("varve path", () => {
  it("finds a shortest path, or none with exit code 1", async () => {
    const found = (await runVarve(["path", routes, "1", "3", "--type", "route", "--json"])).json();
    expect(found).toEqual({ found: true, from: "1", to: "3", hops: 1, path: ["1", "3"] });
    expect((await runHere(["path", routes, "1", "3"])).stdout).toBe("1\n3\n");
    const none = await runHere(["path", routes, "1", "0", "--json"]);
    expect([none.code, none.json()]).toEqual([1, { found: false, from: "1", to: "0" }]);
  });
});

describe("varve changes", () => {
  it("prints the log from an LSN, so many as asked for", async () => {
    const first = await runHere(["changes", routes, "--limit", "2"]);
    const lines = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ lsn, kind, key }) => [lsn, kind, key])).toEqual([
      [1, "node.put", "0"],
      [2, "node.put", "1"],
    ]);
    const later = await runHere(["changes", routes, "--from", "3750", "--limit", "1"]);
    expect(later.json()).toMatchObject({
      lsn: 3750,
      kind: "edge.add",
      from: "1",
      type: "route",
      to: "3",
      props: { dist: 809 },
    });
    const all = await runVarve(["changes", routes]);
    expect(all.stdout.trim().split("\n")).toHaveLength(61394);
  });

  it("prints nothing from now on, or for a limit of 0", async () => {
    for (const words of [
      ["--from", "now"],
      ["--limit", "0"],
    ]) {
      const ended = await runHere(["changes", routes, ...words]);
      expect([ended.code, ended.stdout, ended.stderr]).toEqual([0, "", ""]);
    }
  });

  it("says so when its output cannot be written", async () => {
    // A device of Linux alone that is always full; elsewhere there is nothing to write to.
    if (!existsSync("/dev/full")) return;
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [commandPath, "changes", routes], {
      stdio: ["ignore", full, "pipe"],
    });
    let stderr = "";
    child.stderr?.on("data", (text) => {
      stderr += text;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    closeSync(full);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^varve: IO: [^\n]*ENOSPC[^\n]*\n$/)]);
  });

  it("ends quietly when its reader goes away", async () => {
    const child = spawn(process.execPath, [commandPath, "changes", routes], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr?.on("data", (text) => {
      stderr += text;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, stderr]).toEqual([0, ""]);
  });
});

describe("varve ingest", () => {
  const ingest = (name: string, ...words: string[]) =>
    runVarve(["ingest", place.path(name), ...words, "--json"]);

  it("takes the same graph from every format, packed or not, from a file or standard input", async () => {
    const edges = [
      ["a", "b", 1],
      ["b", "c", 2],
      ["a", "b", 1],
    ] as const;
    const csv = `from,to,c3:int\r\n${edges.map((edge) => edge.join(",")).join("\r\n")}\r\n`;
    const ndjson = edges.map(([from, to, c3]) => JSON.stringify({ from, to, c3 })).join("\n");
    const list = `# an edge list\n${edges.map((edge) => edge.join("\t")).join("\n")}\n`;
    const inputs = [
      place.write("e.csv", csv),
      place.write("e.tsv", csv.replaceAll(",", "\t")),
      place.write("e.ndjson", ndjson),
      place.write("e.txt", list),
      place.write("e.el.gz", gzipSync(list)),
      place.write("packed-without-saying-so.csv", gzipSync(csv)),
    ];
    const dumps = [];
    for (const [at, input] of inputs.entries()) {
      const ended = await ingest(`format-${at}.varve`, "--edges", input);
      expect(ended.json()).toMatchObject({ nodes: 3, edges: 3, implicitNodes: 3, rejected: 0 });
      dumps.push(await dump(place.path(`format-${at}.varve`)));
    }
    for (const [at, input] of [csv, ndjson, list, gzipSync(csv)].entries()) {
      const name = `stdin-${at}.varve`;
      const ended = await runVarve(["ingest", place.path(name), "--edges", "-"], { input });
      expect(ended.stderr).toBe("");
      dumps.push(await dump(place.path(name)));
    }
    for (const other of dumps) expect(other).toEqual(dumps[0]);
    expect(dumps[0]).toHaveLength(6);
  });

  it("applies options to the files behind them", async () => {
    const people = place.write("people.csv", "nick,age:int\nann,3\n");
    const towns = place.write("towns.csv", "x|oslo|7\n");
    const lives = place.write("lives.txt", "ann oslo 1999\n");
    const ended = await ingest(
      "order.varve",
      ...["--key", "nick", "--label", "=Person", "--nodes", people],
      ...["--no-header", "--delimiter", "|", "--columns", "kind,name,rank:int"],
      ...["--key", "2", "--label", "=Town", "--nodes", towns],
      ...["--format", "edgelist", "--delimiter", " ", "--columns", "a,b,since"],
      ...["--type", "=LIVES_IN", "--edges", lives],
    );
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    expect(await dump(place.path("order.varve"))).toEqual([
      '["edge","ann","LIVES_IN","oslo",[["since",1999]]]',
      '["node","ann",["Person"],[["age",3]]]',
      '["node","oslo",["Town"],[["kind","x"],["rank",7]]]',
    ]);
  });

  it("puts malformed rows into the rejects file, with line and reason, and takes the others", async () => {
    const text = Buffer.concat([
      Buffer.from('id,n:int,j:json\na,1,\nb\n,2,\nc,x,\nd,4,{\n"e\n2",5,"[1,""x""]"\n'),
      Buffer.from([0x66, 0xff, 0x2c, 0x2c, 0x0a]),
      Buffer.from(`${"k".repeat(1025)},1,\ng,"7"x,\nh,8,null\n`),
    ]);
    const ended = await ingest("bad.varve", "--nodes", place.write("bad.csv", text));
    expect(ended.code).toBe(0);
    expect(ended.json()).toMatchObject({ nodes: 3, rejected: 7, rows: 10 });
    const rejects = readFileSync(place.path("bad.varve.rejects.ndjson"), "utf8");
    const lines = rejects
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ line, reason }) => [line, reason])).toEqual([
      [3, "1 columns where there should be 3"],
      [4, "no key"],
      [5, 'column n: "x" is not an integer'],
      [6, 'column j: "{" is not JSON'],
      [9, "the text is not UTF-8"],
      [10, "key: longer than 1024 bytes"],
      [11, "text follows a closing quote"],
    ]);
    expect(lines[0]).toMatchObject({ file: place.path("bad.csv"), raw: "b" });
    expect(await dump(place.path("bad.varve"))).toEqual([
      '["node","a",[],[["n",1]]]',
      '["node","e\\n2",[],[["j",[1,"x"]],["n",5]]]',
      '["node","h",[],[["j",null],["n",8]]]',
    ]);
  });

  it("makes missing end nodes, or with --strict rejects the row", async () => {
    const nodes = place.write("ab.csv", "id\na\nb\n");
    const edges = place.write("abc.txt", "a b\na c\n");
    const loose = await ingest("loose.varve", "--nodes", nodes, "--edges", edges);
    expect(loose.json()).toMatchObject({ nodes: 3, edges: 2, implicitNodes: 1, rejected: 0 });
    const rejects = place.path("strict.csv");
    const strict = await ingest(
      "strict.varve",
      ...["--nodes", nodes, "--edges", edges, "--strict", "--rejects", rejects],
    );
    expect(strict.json()).toMatchObject({ nodes: 2, edges: 1, rejected: 1, rejectsFile: rejects });
    const [, row] = readFileSync(rejects, "utf8").split("\n");
    expect(row).toBe(`"${edges}","2","there is no node ""c""","a c"`);
  });

  it("counts options behind the last file for the files that were not given them", async () => {
    const people = place.write("behind-people.csv", "n,id\nAnn,a\n");
    const places = place.write("behind-places.csv", "n,id\nRome,r\n");
    const words = ["--key", "n", "--nodes", people, "--nodes", places, "--label", "=Thing"];
    const ended = await ingest("behind.varve", ...words, "--json");
    expect(ended.json()).toMatchObject({ nodes: 2, rejected: 0 });
    for (const key of ["Ann", "Rome"]) {
      const found = await runHere(["get", place.path("behind.varve"), key, "--json"]);
      expect(found.json()).toMatchObject({ key, labels: ["Thing"] });
    }
  });

  it.each([
    ["nothing to ingest", []],
    ["a missing file", ["--nodes", "nothing.csv"]],
    ["a directory", ["--nodes", "."]],
    ["an unknown column", ["--key", "zip", "--nodes", "$csv"]],
    ["an unknown column named behind the file", ["--nodes", "$csv", "--key", "zip"]],
    ["an unknown format", ["--format", "xml", "--nodes", "$csv"]],
    ["a long delimiter", ["--delimiter", "::", "--nodes", "$csv"]],
    ["an unknown type", ["--columns", "a:colour", "--nodes", "$csv"]],
    ["a batch of none", ["--nodes", "$csv", "--batch", "0"]],
    ["--resume with --restart", ["--nodes", "$csv", "--resume", "--restart"]],
    ["--resume of standard input", ["--nodes", "-", "--resume"]],
    ["standard input twice", ["--nodes", "-", "--edges", "-"]],
    ["rejects into the input", ["--nodes", "$csv", "--rejects", "$csv"]],
    ["rejects into no directory", ["--nodes", "$csv", "--rejects", "no/where/r.csv"]],
  ])("answers %s with exit code 2 and changes nothing on disk", async (_, words) => {
    const csv = place.write("usage.csv", "id,n\na,1\n");
    // Standard input is a process's own.
    const run = words.includes("-") ? runVarve : runHere;
    const given = words.map((word) => word.replace("$csv", csv));
    const ended = await run(["ingest", place.path("usage.varve"), ...given, "--json"]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^varve: USAGE: [^\n]+\n$/);
    expect(existsSync(place.path("usage.varve"))).toBe(false);
    expect(readFileSync(csv, "utf8")).toBe("id,n\na,1\n");
  });

  it("says LOCKED where another process has the database open", async () => {
    const path = place.path("locked.varve");
    const db = await open(path);
    try {
      const ended = await ingest("locked.varve", "--nodes", place.write("x.csv", "id\nx\n"));
      expect(ended.code).toBe(3);
      expect(ended.stderr).toMatch(/^varve: LOCKED: [^\n]+\n$/);
      // Who only reads does so beside it.
      expect((await runVarve(["verify", path])).code).toBe(0);
    } finally {
      await db.close();
    }
  });

  it("keeps what comes before the damage of a gzip file, and ends with exit code 3", async () => {
    const rows = Array.from({ length: 50_000 }, (_, at) => `n${at * 7919}`);
    const packed = gzipSync(`id\n${rows.join("\n")}\n`);
    const input = place.write("cut.csv.gz", packed.subarray(0, packed.length - 1000));
    const ended = await ingest("cut.varve", "--nodes", input);
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/^varve: IO: .*cut\.csv\.gz: the gzip data[^\n]*\n$/);
    const stored = (await dump(place.path("cut.varve"))).length;
    expect(stored).toBeGreaterThan(40_000);
    expect(stored).toBeLessThan(50_000);
  });

  it("takes an empty file, and one with nothing but a header", async () => {
    const empty = place.write("empty.csv", "");
    const header = place.write("header.csv", "id,name\n");
    const ended = await ingest("empty.varve", "--nodes", empty, "--nodes", header);
    expect([ended.code, ended.json()["rows"]]).toEqual([0, 0]);
  });
});
