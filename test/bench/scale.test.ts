// The scale run on a small graph: it measures, kills and charts, and a wrong answer fails it.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../tidy/source-text.ts";

const settings = { scale: 6, edgeCount: 10_000, by: "keys" };

interface Answers {
  edgeCount: number;
  nodeCount: number;
  missing: number;
  scanned: number;
  hash: number;
  degreesOf: Uint32Array;
  degrees: Uint32Array;
  neighborsOf: Uint32Array;
  neighbors: Uint32Array;
}

interface Bench {
  makeWorkload(of: object): { from: Uint32Array; to: Uint32Array };
  edgeProps(edge: number): { time: number; weight: number };
  edgeHash(from: number, to: number, time: number, weight: number): number;
  Expected: new (of: object) => { advance(to: number): void; nodesAskedForDegrees(): Uint32Array };
  problemsOf(expected: unknown, given: Answers): string[];
}

let folder: string;
let bench: Bench;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-scale-"));
  const files = ["workload.js", "scale/edge-hash.js", "scale/expected.js"];
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(projectRoot, "bench", file)).href)),
  );
  bench = Object.assign({}, ...modules) as Bench;
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The right answers, by going through all the edges for each of them. */
function rightAnswers(): Answers {
  const { from, to } = bench.makeWorkload(settings);
  const nodes = Array.from({ length: 2 ** settings.scale }, (_, node) => node);
  const ends = (node: number, near: Uint32Array, far: Uint32Array): number[] =>
    [...far].filter((_, edge) => near[edge] === node);
  const distinct = (of: number[]): number[] => [new Set(of).size, ...new Set(of)];
  const present = nodes.filter((node) => from.includes(node) || to.includes(node));
  const hashes = [...from].map((source, edge) => {
    const { time, weight } = bench.edgeProps(edge);
    return bench.edgeHash(source, to[edge] ?? 0, time, weight);
  });
  return {
    edgeCount: settings.edgeCount,
    nodeCount: present.length,
    missing: nodes.length - present.length,
    scanned: settings.edgeCount,
    hash: hashes.reduce((sum, hash) => (sum + hash) >>> 0, 0),
    degreesOf: Uint32Array.from(nodes),
    degrees: Uint32Array.from(
      nodes.flatMap((node) => [ends(node, from, to).length, ends(node, to, from).length]),
    ),
    neighborsOf: Uint32Array.of(3, 5),
    neighbors: Uint32Array.from(
      [3, 5].flatMap((node) => [
        ...distinct(ends(node, from, to)),
        ...distinct(ends(node, to, from)),
      ]),
    ),
  };
}

describe("the check of a scale run", () => {
  it("finds nothing wrong with right answers, and something with each that is not", () => {
    const expected = new bench.Expected(settings);
    expected.advance(settings.edgeCount);
    const right = rightAnswers();
    expect(bench.problemsOf(expected, right)).toEqual([]);
    expect(expected.nodesAskedForDegrees()).toEqual(right.degreesOf);
    for (const name of ["edgeCount", "nodeCount", "missing", "scanned", "hash"] as const) {
      expect(bench.problemsOf(expected, { ...right, [name]: right[name] ^ 1 })).toHaveLength(1);
    }
    for (const name of ["degrees", "neighbors"] as const) {
      const damaged = Uint32Array.from(right[name]);
      damaged[1] = (damaged[1] ?? 0) ^ 1;
      expect(bench.problemsOf(expected, { ...right, [name]: damaged })).toHaveLength(1);
    }
  });
});

function scale(args: string[], env: Record<string, string> = {}): Promise<[number, string]> {
  const place = ["--dir", folder, "--results", join(folder, args.join())];
  const run = join(projectRoot, "bench", "scale", "run.js");
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [run, ...args, ...place], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += String(chunk);
    });
    child.on("close", (code) => {
      resolve([code ?? -1, errors]);
    });
  });
}

describe("a scale run", () => {
  it("measures, kills and charts 20,000 edges", async () => {
    const args = ["--edges", "20k", "--kill-at", "12k"];
    const [code, errors] = await scale(args);
    expect([code, errors]).toEqual([0, expect.not.stringContaining("WRONG")]);
    const results = join(folder, args.join());
    const report = JSON.parse(await readFile(join(results, "scale-20k.json"), "utf8"));
    expect(report.wrong).toEqual([]);
    expect(report.ingest.marks.at(-1).edges).toBe(20_000);
    expect(report.ingest.eventLoop.maxMs).toBeGreaterThan(0);
    expect(report.ingest.bytesPerEdge.onDisk).toBeGreaterThan(10);
    expect(report.kills[0].acknowledged).toBeGreaterThanOrEqual(12_000);
    expect(report.kills[0].edges).toBeGreaterThanOrEqual(report.kills[0].acknowledged);
    expect(await readFile(join(results, "scale.svg"), "utf8")).toContain("bytes an edge on disk");
  });

  it("fails where one answer is wrong", async () => {
    const args = ["--edges", "10k", "--kill-at", "never"];
    const [code, errors] = await scale(args, { VARVE_SCALE_FLIP: "degrees" });
    expect([code, errors]).toEqual([1, expect.stringContaining("WRONG: after ingest: degree of")]);
  });
});
