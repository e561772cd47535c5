// Tests of the built command's checkpoint, stats and verify: every counter is shown, and damage of an index is found.
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import { airRoutes, dump, makeWorkplace, runHere, runVarve } from "./run-command.ts";

const place = makeWorkplace("care");
const routes = place.path("routes.varve");
beforeAll(async () => {
  expect((await runVarve(["ingest", routes, ...airRoutes, "--json"])).code).toBe(0);
});
afterAll(() => place.remove());

/** Changes a byte of every page of a tree, and nothing in its footer. */
function spoilPages(path: string): void {
  const bytes = readFileSync(path);
  for (let at = 0; bytes.readUInt32LE(at + PAGE_HEADER.magic) === pageMagic; ) {
    at += bytes.readUInt32LE(at + PAGE_HEADER.length);
    bytes[at - 1]! ^= 0x55;
  }
  writeFileSync(path, bytes);
}

describe("varve checkpoint, stats and verify", () => {
  it("say how much there is and that it is sound", async () => {
    const stats = (await runVarve(["stats", routes, "--json"])).json();
    expect(stats).toMatchObject({ nodes: 3749, edges: 57645, events: 61394, lastLsn: 61394 });
    expect(stats).toHaveProperty("bytes.log");
    expect(stats).toHaveProperty("counters.syncs");
    const verified = await runVarve(["verify", routes, "--json"]);
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
    expect(verified.json()).toMatchObject({ sound: true, problems: [] });
  });

  it("show every counter, each tree, the checkpoint and the pressure once a checkpoint was asked for", async () => {
    const done = await runVarve(["checkpoint", routes]);
    expect([done.code, done.stderr, done.stdout]).toEqual([0, "", "checkpoint at LSN 61394\n"]);
    const stats = (await runVarve(["stats", routes, "--json"])).json() as Record<string, never>;
    expect(stats).toMatchObject({
      nodes: 3749,
      edges: 57645,
      events: 61394,
      lastLsn: 61394,
      durableLsn: 61394,
      checkpointLsn: 61394,
      segments: expect.any(Number),
      checkpoint: { lsn: 61394, lag: 0 },
      pressure: { waiting: 0 },
      index: { isFlushing: false, isMerging: false, rebuilds: 0 },
    });
    const { bytes, counters, index } = stats as Record<string, Record<string, number>>;
    for (const part of ["log", "index", "total", "memory", "pageCache", "pending"]) {
      expect([part, bytes?.[part]]).toEqual([part, expect.any(Number)]);
    }
    expect(bytes!["total"]).toBe(bytes!["log"]! + bytes!["index"]!);
    for (const counter of [
      ...["reads", "writes", "syncs", "opens", "bytes", "pageHits", "pageMisses", "splits"],
      ...["frames", "groups", "flushes", "merges", "checkpoints", "frameHits", "frameMisses"],
    ]) {
      expect([counter, counters?.[counter]]).toEqual([counter, expect.any(Number)]);
    }
    const { trees } = index as unknown as { trees: Record<string, Record<string, number>> };
    expect(Object.keys(trees)).toEqual(["keys", "nodes", "out", "in", "edges", "labels"]);
    for (const name of ["keys", "nodes", "out", "in", "labels"]) {
      for (const part of ["files", "height", "pages", "entries", "bytes"]) {
        expect([name, part, trees[name]?.[part]]).toEqual([name, part, expect.any(Number)]);
        expect(trees[name]![part]).toBeGreaterThan(0);
      }
      expect(trees[name]!["hitRate"]).toBeGreaterThanOrEqual(0);
    }
    const shown = (await runHere(["stats", routes])).stdout;
    for (const words of ["hitRate", "height", "lag", "waiting", "rebuilds", "pageMisses"]) {
      expect(shown).toContain(words);
    }
    expect((await runHere(["checkpoint", place.path("missing.varve")])).code).toBe(3);
  });

  it("verify finds a damaged page of an index that no read has met, with exit code 1", async () => {
    const tree = readdirSync(routes).find((name) => name.endsWith("-in.tree"))!;
    const sound = readFileSync(join(routes, tree));
    const damaged = Buffer.from(sound);
    damaged[100]! ^= 1;
    writeFileSync(join(routes, tree), damaged);
    const ended = await runHere(["verify", routes, "--json"]);
    expect([ended.code, ended.stderr]).toEqual([1, ""]);
    expect(ended.json()).toMatchObject({
      sound: false,
      problems: [{ where: join(routes, tree), details: { offset: 0 } }],
    });
    const shown = await runVarve(["verify", routes]);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(/^damaged: 1 found[^\n]*\n[^\n]*-in\.tree/);
    writeFileSync(join(routes, tree), sound);
    expect((await runHere(["verify", routes])).code).toBe(0);
  });

  it.each([
    ["get", ["3", "--json"]],
    ["neighbors", ["3"]],
    ["path", ["3", "1000"]],
  ])("%s %j waits where the index is damaged until it is made anew", async (command, words) => {
    const sound = await runHere([command, routes, ...words]);
    expect(sound.code).toBe(0);
    const damaged = place.path(`damaged-${command}-${words.length}.varve`);
    cpSync(routes, damaged, { recursive: true });
    for (const tree of readdirSync(damaged).filter((name) => name.endsWith(".tree"))) {
      spoilPages(join(damaged, tree));
    }
    const ended = await runVarve([command, damaged, ...words]);
    expect([ended.code, ended.stderr, ended.stdout]).toEqual([0, "", sound.stdout]);
  });

  it("ingest waits there too, and stores every row in its turn", async () => {
    const damaged = place.path("damaged-ingest.varve");
    cpSync(routes, damaged, { recursive: true });
    for (const tree of readdirSync(damaged).filter((name) => name.endsWith(".tree"))) {
      spoilPages(join(damaged, tree));
    }
    const rows = Array.from(
      { length: 900 },
      (_, at) => `${1 + (at % 300)} ${at % 7 ? at + 1 : ""}`,
    );
    const edges = place.write("more.txt", rows.join("\n"));
    const words = ["--edges", edges, "--batch", "10", "--restart", "--json"];
    const ended = await runVarve(["ingest", damaged, ...words]);
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
    const sound = place.path("sound-ingest.varve");
    cpSync(routes, sound, { recursive: true });
    expect(await runVarve(["ingest", sound, ...words])).toMatchObject({ code: 0 });
    expect(await dump(damaged)).toEqual(await dump(sound));
    const [found, due] = [damaged, sound].map((path) =>
      readFileSync(`${path}.rejects.ndjson`, "utf8"),
    );
    expect(found).toBe(due);
  });

  it("verify has exit code 2 where it cannot run", async () => {
    const ended = await runHere(["verify", place.path("missing.varve")]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/^varve: NOT_FOUND: /);
  });
});
