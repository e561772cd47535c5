// The lock of a database directory between real processes, and within one.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NodeDisk } from "../../src/disk/node-disk.ts";
import { type Transpiled, transpileFloor0 } from "./transpile.ts";

interface Holder {
  readonly child: ChildProcess;
  readonly said: { locked: boolean; code?: string; details?: Record<string, unknown> };
}

describe.each(["socket", "file"] as const)("node lock by %s", (lockMethod) => {
  const disk = new NodeDisk({ lockMethod });
  let built: Transpiled;
  let directory: string;
  let children: ChildProcess[] = [];

  beforeAll(async () => {
    built = await transpileFloor0();
  });
  afterAll(() => built.dispose());
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "varve-lock-"));
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    children = [];
    await rm(directory, { recursive: true, force: true });
  });

  async function holdInChild(holder: string): Promise<Holder> {
    const script = path.join(import.meta.dirname, "lock-holder.mjs");
    const child = spawn(
      process.execPath,
      [script, built.url("disk/node-disk"), directory, holder, lockMethod],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    children.push(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await once(lines, "line")) as [string];
    return { child, said: JSON.parse(line) };
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  it("is refused while another process holds it, with the name of the holder", async () => {
    const { child, said } = await holdInChild("the child");
    expect(said.locked).toBe(true);
    const before = await readFile(path.join(directory, "lock"), "utf8");
    await expect(disk.lock(directory, "me")).rejects.toMatchObject({
      code: "LOCKED",
      details: { holder: "the child", pid: child.pid, host: hostname() },
    });
    expect(await readFile(path.join(directory, "lock"), "utf8")).toBe(before);
    expect(await readdir(directory)).toEqual(["lock"]);
  });

  it("is free at once when its holder is killed", async () => {
    const { child } = await holdInChild("the child");
    await kill(child);
    expect(await readdir(directory)).toEqual(["lock"]);
    const lock = await disk.lock(directory, "me");
    const file = JSON.parse(await readFile(path.join(directory, "lock"), "utf8"));
    expect(file).toMatchObject({ holder: "me", pid: process.pid });
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it("is free when its holder releases it", async () => {
    const { child } = await holdInChild("the child");
    const gone = once(child, "exit");
    child.stdin?.write("release\n");
    await gone;
    await (await disk.lock(directory, "me")).release();
  });

  it("goes to exactly one of several processes that race for it", async () => {
    for (let round = 0; round < 3; round++) {
      const holders = await Promise.all(["a", "b", "c", "d"].map(holdInChild));
      const won = holders.filter(({ said }) => said.locked);
      expect(won).toHaveLength(1);
      for (const { said } of holders) if (!said.locked) expect(said.code).toBe("LOCKED");
      await Promise.all(holders.map(({ child }) => kill(child)));
    }
  }, 30_000);

  it("sees through a symbolic link to the directory", async () => {
    const alias = `${directory}-alias`;
    await symlink(directory, alias);
    try {
      const lock = await disk.lock(directory, "me");
      await expect(disk.lock(alias, "you")).rejects.toMatchObject({ code: "LOCKED" });
      await lock.release();
    } finally {
      await rm(alias);
    }
  });

  it("is seen by another copy of the library in this process", async () => {
    const other = (await import(/* @vite-ignore */ built.url("disk/node-disk"))) as {
      NodeDisk: typeof NodeDisk;
    };
    const lock = await disk.lock(directory, "me");
    await expect(new other.NodeDisk({ lockMethod }).lock(directory, "you")).rejects.toMatchObject({
      code: "LOCKED",
      details: { holder: "me" },
    });
    await lock.release();
    await (await new other.NodeDisk({ lockMethod }).lock(directory, "you")).release();
  });

  it("holds within one process even when somebody removes the lock file", async () => {
    const lock = await disk.lock(directory, "me");
    await rm(path.join(directory, "lock"));
    await expect(disk.lock(directory, "you")).rejects.toMatchObject({
      code: "LOCKED",
      details: { holder: "me" },
    });
    expect(await readdir(directory)).toEqual([]);
    await lock.release();
    await (await disk.lock(directory, "you")).release();
  });

  it("does not write through a link that has the lock file's name", async () => {
    const victim = `${directory}-victim`;
    await writeFile(victim, "precious");
    await symlink(victim, path.join(directory, "lock"));
    try {
      await (await disk.lock(directory, "me")).release().catch(() => {});
    } catch (error) {
      expect(error).toMatchObject({ code: "LOCKED" });
    }
    expect(await readFile(victim, "utf8")).toBe("precious");
    await rm(victim);
  });
});
