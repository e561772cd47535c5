// One seed is one run: the same calls with the same bytes, twice in a process, in two processes and on another Node.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/database/open.ts";
import { handle } from "../../src/index/tree-worker.ts";
import * as kit from "../../src/testing/testing.ts";
import { SimulatedDisk, type TraceEntry, traceHash } from "../../src/testing/testing.ts";
import { type Transpiled, transpileFolders } from "../disk/transpile.ts";
import { traceLife } from "./trace-life.mjs";

const script = fileURLToPath(new URL("./trace-life.mjs", import.meta.url));
/** Each with another profile. */
const seeds = [4, 5, 6, 7];

/** Further Node binaries, separated by the sign of PATH, that must tell the same. */
const otherNodes = (process.env["VARVE_NODES"] ?? "").split(path.delimiter).filter(Boolean);

describe("a seed", () => {
  let sources: Transpiled;

  beforeAll(async () => {
    const folder = path.resolve(import.meta.dirname, "../../src");
    const entries = readdirSync(folder, { withFileTypes: true });
    sources = await transpileFolders(
      entries
        .filter((entry) => entry.isDirectory() && entry.name !== "cli")
        .map(({ name }) => name),
    );
  });
  afterAll(() => sources?.dispose());

  async function told(node: string): Promise<string> {
    const base = sources.url("x").slice(0, -"x.js".length);
    const { stdout } = await promisify(execFile)(node, [script, base, ...seeds.map(String)]);
    return stdout;
  }

  it("has the same trace hash in this process and in others", async () => {
    const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);
    const here: string[] = [];
    for (const seed of seeds) here.push(await traceLife({ open, handle, kit, treeWorker }, seed));
    expect(new Set(here).size).toBe(seeds.length);
    for (const line of here) expect(line).toMatch(/[0-9a-f]{16}/);
    for (const node of [process.execPath, ...otherNodes]) {
      expect((await told(node)).trimEnd().split("\n"), node).toEqual(here);
    }
    process.stdout.write(
      `one seed, one run: ${seeds.length} seeds, ${2 + otherNodes.length} processes\n`,
    );
  });
});

describe("a trace hash", () => {
  async function traceOf(change: (disk: SimulatedDisk) => void): Promise<readonly TraceEntry[]> {
    const disk = new SimulatedDisk({ trace: "all" });
    change(disk);
    const file = await disk.open("/f", "create");
    file.writeSync(Uint8Array.of(1, 2), 0);
    await file.sync().catch(() => {});
    await disk.rename("/f", "/g");
    file.readSync(new Uint8Array(2), 0);
    return disk.trace;
  }

  it("is that of the calls, their bytes, results and faults", async () => {
    const trace = await traceOf(() => {});
    const hash = traceHash(trace);
    expect(traceHash(await traceOf(() => {}))).toBe(hash);
    const failed = await traceOf((disk) => disk.faults.push({ operation: "sync", errno: "EIO" }));
    const changed: (readonly TraceEntry[])[] = [
      failed,
      trace.slice(0, -1),
      [...trace].reverse(),
      trace.map((entry) => (entry.content === undefined ? entry : { ...entry, content: 1 })),
      trace.map((entry) => (entry.to === undefined ? entry : { ...entry, to: "/h" })),
      trace.map((entry) => ({ ...entry, offset: entry.offset + 1 })),
      trace.map((entry) => ({ ...entry, path: `${entry.path}x` })),
    ];
    const hashes = new Set([hash, ...changed.map(traceHash)]);
    expect(hashes.size).toBe(changed.length + 1);
    expect(traceHash([])).toMatch(/^[0-9a-f]{16}$/);
  });
});
