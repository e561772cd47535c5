// Tests of `varve export`, `backup` and `repair` as built: what is written can be read back, beside a writer and from a damaged database too.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toJson } from "../../src/cli/json-values.ts";
import { open } from "../../src/varve.ts";
import { makeWorkplace, runHere, runVarve } from "./run-command.ts";

const place = makeWorkplace("export");
const path = place.path("graph.varve");

beforeAll(async () => {
  const db = await open(path);
  await db.transact((tx) => {
    tx.putNode("ada", {
      labels: ["Person", "Poet"],
      props: { name: 'Ada "the" first', born: 1815, score: 0.5 },
    });
    tx.putNode("bob, the second", {
      labels: ["Person"],
      props: { name: "", born: -0, when: new Date(5), ok: true },
    });
    tx.putNode("<c&d>", {
      props: { __proto__x: 1, list: [1, [2n]], big: 2n ** 70n, text: "a\u0000b\n]]>", ok: false },
    });
    tx.putNode("#e", {
      props: { born: Number.NaN, "a:b": "x", id: "own", bytes: new Uint8Array([1, 2]) },
    });
    tx.addEdge("ada", "KNOWS", "bob, the second", { since: 1843, weight: 0.25 });
    tx.addEdge("ada", "KNOWS", "bob, the second", { since: 1844, weight: 1 });
    tx.addEdge("<c&d>", "likes <&>", "<c&d>", { note: "a;b", type: "own" });
    tx.addEdge("#e", "KNOWS", "ada");
  });
  await db.close();
});
afterAll(() => place.remove());

/** All nodes and edges as sorted lines, every value told apart from every other; without ids, which depend on the way there. */
async function dump(directory: string): Promise<string[]> {
  const db = await open(directory, { create: false });
  try {
    const text = (...parts: unknown[]): string => JSON.stringify(toJson(parts));
    const props = (of: object): unknown[] =>
      Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
    const nodes = [...db.nodes()].map((node) =>
      text("node", node.key, node.labels, props(node.props)),
    );
    const edges = [...db.allEdges()].map((edge) =>
      text(edge.from, edge.type, edge.to, props(edge.props)),
    );
    return [...nodes, ...edges].sort();
  } finally {
    await db.close();
  }
}

/** Opening and closing tags match, and every ampersand begins an entity. */
function isWellFormed(text: string): boolean {
  const open: string[] = [];
  const body = text.replace(/^<\?xml[^?]*\?>/, "");
  for (const [, closing, name, rest] of body.matchAll(/<(\/?)([a-z]+)((?:[^<>"]|"[^"<]*")*)>/g)) {
    if (closing === "/") {
      if (open.pop() !== name) return false;
    } else if (!rest!.endsWith("/")) {
      open.push(name!);
    }
  }
  const rest = body.replace(/<\/?[a-z]+(?:[^<>"]|"[^"<]*")*>/g, "");
  return open.length === 0 && !/[<>]/.test(rest) && !/&(?!(?:amp|lt|gt|quot|#\d+);)/.test(body);
}

describe("varve export", () => {
  it.each(["ndjson", "csv"])("writes %s that ingest reads back without a loss", async (format) => {
    const out = place.path(`out-${format}`);
    const ended = await runVarve(["export", path, "--format", format, "--out", out]);
    expect([ended.code, ended.stderr, ended.stdout]).toEqual([0, "", ""]);
    const back = place.path(`back-${format}.varve`);
    const files = [
      "--nodes",
      join(out, `nodes.${format}`),
      "--edges",
      join(out, `edges.${format}`),
    ];
    const read = await runVarve(["ingest", back, ...files, "--strict", "--json"]);
    expect(read.json()).toMatchObject({ nodes: 4, edges: 4, rejected: 0 });
    expect(await dump(back)).toEqual(await dump(path));
    const again = await runHere(["export", path, "--format", format, "--out", out]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("there already")]);
  });

  it.each(["graphml", "gexf"])(
    "writes %s that is XML, with types and every name",
    async (format) => {
      const { code, stdout } = await runHere(["export", path, "--format", format]);
      expect(code).toBe(0);
      expect(isWellFormed(stdout)).toBe(true);
      expect(isWellFormed(stdout.replace("</node>", ""))).toBe(false);
      expect(stdout.match(/<node /g)).toHaveLength(4);
      expect(stdout.match(/<edge /g)).toHaveLength(4);
      expect(stdout).toMatch(/type="long"/);
      expect(stdout).toContain("&lt;c&amp;d&gt;");
      const kept = [...stdout].every((character) => character >= " " || character === "\n");
      expect(kept).toBe(true);
    },
  );

  it("prints nodes or edges alone, and refuses what has no meaning", async () => {
    const nodes = await runHere(["export", path, "--format", "ndjson", "--only", "nodes"]);
    expect(
      nodes.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)["~id"]),
    ).toEqual(["#e", "<c&d>", "ada", "bob, the second"]);
    const edges = await runHere(["export", path, "--format", "csv", "--only", "edges"]);
    expect(edges.stdout.split("\n")[0]).toMatch(/^~from,~to,~label,"since:int","weight:float"/);
    for (const words of [["--format", "xml"], [], ["--format", "gexf", "--only", "nodes"]]) {
      expect((await runHere(["export", path, ...words])).code).toBe(2);
    }
  });

  it("says what a format cannot say", async () => {
    const odd = place.path("odd.varve");
    const db = await open(odd);
    await db.transact((tx) => {
      tx.putNode("a", { labels: ["x;y"] });
      tx.putNode("b", { props: { "~id": 1 } });
    });
    await db.close();
    for (const format of ["csv", "ndjson"]) {
      const { code, stdout, stderr } = await runHere(["export", odd, "--format", format]);
      expect([code, stderr]).toEqual([3, expect.stringMatching(/^varve: left out: 1 nodes/)]);
      expect(stdout).toContain(format === "csv" ? '"b"' : '"a"');
    }
  });

  it("reads beside a writer", async () => {
    const db = await open(path);
    const { code, stdout } = await runVarve(["export", path, "--format", "ndjson"]);
    await db.close();
    expect([code, stdout.trimEnd().split("\n").length]).toEqual([0, 8]);
  });
});

describe("a damaged database", () => {
  const damaged = place.path("damaged.varve");
  const files = (): Map<string, string> =>
    new Map(
      readdirSync(damaged, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name), "hex")]),
    );

  beforeAll(async () => {
    const db = await open(damaged);
    for (let i = 0; i < 5; i++) {
      await db.transact((tx) => tx.putNode(`n${i}`, { labels: ["Dot"], props: { i } }));
    }
    await db.close();
    const name = readdirSync(damaged).find((file) => file.endsWith(".log"))!;
    const bytes = readFileSync(join(damaged, name));
    const at = bytes.indexOf(Buffer.from("n3"));
    bytes[at]! ^= 1;
    writeFileSync(join(damaged, name), bytes);
  });

  it("is exported as far as it can be read, untouched", async () => {
    const before = files();
    const { code, stdout, stderr } = await runVarve(["export", damaged, "--format", "csv"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/varve: CORRUPT: .*\nvarve: left out: LSN 4 is lost: .* is damaged\n/);
    expect(stdout.match(/^"n\d"/gm)).toEqual(['"n0"', '"n1"', '"n2"', '"n4"']);
    expect(files()).toEqual(before);
  });

  it("is repaired, after a dry run that changes nothing", async () => {
    const before = files();
    const dry = await runHere(["repair", damaged, "--dry-run"]);
    expect([dry.code, dry.stdout.split("\n")[0]]).toEqual([
      0,
      "damaged: 1 LSNs would be lost, last LSN 5",
    ]);
    expect(files()).toEqual(before);
    const done = await runVarve(["repair", damaged, "--json"]);
    expect(done.json()).toMatchObject({
      sound: false,
      lost: [{ firstLsn: 4, lastLsn: 4, reason: "damaged" }],
    });
    expect((await runHere(["verify", damaged])).code).toBe(0);
    expect((await runHere(["repair", damaged])).stdout).toBe("sound: nothing to repair\n");
  });
});

describe("varve backup", () => {
  it("copies beside a writer, and then only what is new", async () => {
    const copy = place.path("copy.varve");
    const db = await open(path);
    const first = await runVarve(["backup", path, copy, "--json"]);
    expect([first.code, first.json()]).toEqual([
      0,
      expect.objectContaining({ lsn: db.lastLsn, reusedBytes: 0 }),
    ]);
    await db.transact((tx) => tx.putNode("later"));
    const next = await runVarve(["backup", path, copy]);
    expect(next.stdout).toMatch(
      /^backup at LSN 9: [\d,]+ bytes copied, [\d,]+ bytes there already\n$/,
    );
    await db.close();
    expect(await dump(copy)).toEqual(await dump(path));
    expect((await runHere(["verify", copy])).code).toBe(0);
    expect((await runHere(["backup", path, path])).code).toBe(3);
  });
});
