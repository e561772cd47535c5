// Tests of `varve changes --follow` and of reading commands beside writers of other processes, which are killed and come back.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { open } from "../../src/varve.ts";
import { commandPath, makeWorkplace, runVarve } from "./run-command.ts";

const place = makeWorkplace("follow");
afterAll(() => place.remove());
const writerScript = fileURLToPath(new URL("../crash/kill-child.mjs", import.meta.url));

async function makeDatabase(name: string): Promise<string> {
  const path = place.path(name);
  const db = await open(path);
  await db.transact((tx) => tx.putNode("first"));
  await db.close();
  return path;
}

interface Follower {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves once so many lines are there. */
  reached(count: number): Promise<void>;
  readonly ended: Promise<{ code: number | null; stderr: string }>;
}

function startFollower(path: string, ...words: string[]): Follower {
  const child = spawn(process.execPath, [commandPath, "changes", path, "--follow", ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  let tell = (): void => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) lines.push(line);
    tell();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on("close", (code) => {
      resolve({ code, stderr });
      tell();
    });
  });
  const reached = (count: number): Promise<void> =>
    new Promise((resolve) => {
      tell = () => {
        if (lines.length >= count || child.exitCode !== null) resolve();
      };
      tell();
    });
  return { process: child, lines, reached, ended };
}

/** Lets a writer of its own process acknowledge so many transactions, then kills it. */
async function writeAndDie(path: string, durability: string, count: number): Promise<void> {
  const child = spawn(process.execPath, [writerScript, path, durability, "4"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let seen = 0;
  let rest = "";
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      rest += text;
      seen += text.split("\nacknowledged").length - 1;
      if (seen >= count) child.kill("SIGKILL");
    });
    child.on("close", () => resolve());
  });
  expect(rest).not.toContain("failed");
  expect(child.signalCode).toBe("SIGKILL");
}

describe("varve changes --follow", () => {
  it("prints every event once and in order while writers are killed, recover, close and come again", async () => {
    const path = await makeDatabase("lives.varve");
    const follower = startFollower(path);
    await follower.reached(1);
    for (const [durability, count] of [
      ["os", 100],
      ["group", 25],
      ["os", 40],
    ] as const) {
      await writeAndDie(path, durability, count);
      // Nobody may be in the way of the next writer.
      const db = await open(path);
      await db.transact((tx) => tx.emit("between", durability));
      await db.close();
    }
    const { lastLsn } = (await runVarve(["stats", path, "--json"])).json() as { lastLsn: number };
    const all = (await runVarve(["changes", path])).stdout.trimEnd().split("\n");
    await follower.reached(all.length);
    follower.process.kill("SIGINT");
    expect(await follower.ended).toEqual({ code: 0, stderr: "" });
    expect(follower.lines).toEqual(all);
    expect(JSON.parse(all.at(-1) ?? "")).toMatchObject({ lsn: lastLsn, kind: "event" });
    expect(all.length).toBeGreaterThan(500);
  });

  it("ends quietly at a closed pipe, at SIGTERM and at its limit", async () => {
    const path = await makeDatabase("ends.varve");
    const closed = startFollower(path);
    const stopped = startFollower(path, "--from", "now");
    const limited = startFollower(path, "--from", "2", "--limit", "3");
    await closed.reached(1);
    closed.process.stdout?.destroy();
    const db = await open(path);
    let isDone = false;
    const writing = (async () => {
      for (let i = 0; !isDone; i++) {
        await db.transact((tx) => tx.emit("n", i));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    expect(await closed.ended).toEqual({ code: 0, stderr: "" });
    expect(await limited.ended).toEqual({ code: 0, stderr: "" });
    expect(limited.lines.map((line) => (JSON.parse(line) as { lsn: number }).lsn)).toEqual([
      2, 3, 4,
    ]);
    await stopped.reached(1);
    isDone = true;
    await writing;
    stopped.process.kill("SIGTERM");
    expect(await stopped.ended).toEqual({ code: 0, stderr: "" });
    await db.close();
  });

  it("says which position it can serve instead of one that is ahead", async () => {
    const path = await makeDatabase("ahead.varve");
    const ended = await startFollower(path, "--from", "9").ended;
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/^varve: POSITION_AHEAD: [^\n]*nearest position is 2\n$/);
    const missing = await startFollower(place.path("nothing.varve")).ended;
    expect(missing.code).toBe(3);
    expect(missing.stderr).toMatch(/^varve: NOT_FOUND: /);
  });
});

describe("reading commands beside a writer", () => {
  it("show what is durable", async () => {
    const path = await makeDatabase("beside.varve");
    const db = await open(path);
    await db.transact((tx) => {
      tx.putNode("a");
      tx.putNode("b");
      tx.addEdge("a", "KNOWS", "b");
    });
    for (const [words, found] of [
      [["get", path, "a"], "a\n"],
      [["neighbors", path, "a"], "b"],
      [["path", path, "a", "b"], "b"],
      [["changes", path, "--from", "4"], '"edge.add"'],
      [["stats", path, "--json"], '"lastLsn":4'],
      [["verify", path], "sound"],
    ] as const) {
      const ended = await runVarve(words);
      expect([words[0], ended.code, ended.stderr]).toEqual([words[0], 0, ""]);
      expect(ended.stdout).toContain(found);
    }
    await db.close();
  });
});
