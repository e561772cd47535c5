// The disk of Node: the contract of every disk, and what only a real one can show.
import { execFileSync } from "node:child_process";
import { link, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeDisk } from "../../src/disk/node-disk.ts";
import { diskContract } from "./disk-contract.ts";
import { transpileFloor0 } from "./transpile.ts";

for (const lockMethod of ["socket", "file"] as const) {
  diskContract(`the real disk with a lock by ${lockMethod}`, async () => {
    const root = await mkdtemp(path.join(tmpdir(), "varve-disk-"));
    return {
      disk: new NodeDisk({ lockMethod }),
      root,
      dispose: () => rm(root, { recursive: true, force: true }),
    };
  });
}

describe("the real disk", () => {
  const disk = new NodeDisk();
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "varve-disk-"));
    await writeFile(path.join(root, "file"), "content");
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function expectRefused(name: string, reason: string): Promise<void> {
    const target = path.join(root, name);
    for (const mode of ["read", "write"] as const) {
      await expect(disk.open(target, mode)).rejects.toMatchObject({
        code: "CORRUPT",
        details: { path: target, reason },
      });
    }
    expect(() => disk.openSync(target)).toThrow(reason);
  }

  it("refuses a symbolic link, and stat does not follow it", async () => {
    await symlink(path.join(root, "file"), path.join(root, "alias"));
    await expectRefused("alias", "symlink");
    expect((await disk.stat(path.join(root, "alias")))?.kind).toBe("other");
  });

  it("does not create a file behind a dangling link", async () => {
    await symlink(path.join(root, "nowhere"), path.join(root, "alias"));
    await expect(disk.open(path.join(root, "alias"), "create")).rejects.toMatchObject({
      code: "EXISTS",
    });
    expect(await disk.stat(path.join(root, "nowhere"))).toBeUndefined();
  });

  it("refuses a file with a second hard link", async () => {
    await link(path.join(root, "file"), path.join(root, "twin"));
    await expectRefused("twin", "hard-linked");
    expect((await disk.stat(path.join(root, "twin")))?.links).toBe(2);
  });

  it("refuses a named pipe without waiting for its other end", async () => {
    execFileSync("mkfifo", [path.join(root, "pipe")]);
    await expectRefused("pipe", "not-a-file");
  });

  it("grows a file without taking space", async () => {
    const file = await disk.open(path.join(root, "sparse"), "create");
    await file.truncate(8 * 2 ** 20);
    expect(await file.size()).toBe(8 * 2 ** 20);
    expect((await stat(path.join(root, "sparse"))).blocks * 512).toBeLessThan(64 * 1024);
    await file.close();
  });

  it("tells whether it can sync directories", async () => {
    const fresh = new NodeDisk();
    expect(fresh.directorySync).toBe("untried");
    await fresh.syncDirectory(root);
    expect(fresh.directorySync).toBe("supported");
  });

  it("reports the byte at which space ended, after a short write, as DISK_FULL", async () => {
    const built = await transpileFloor0();
    const target = path.join(root, "big");
    const script = path.join(import.meta.dirname, "full-disk-writer.mjs");
    // The shell's limit is in units of 512 or 1024 bytes, below the 8192 that are written in both.
    const said = execFileSync("sh", [
      "-c",
      'trap "" XFSZ; ulimit -f 4; exec "$@"',
      "sh",
      process.execPath,
      script,
      built.url("disk/node-disk"),
      target,
    ]);
    await built.dispose();
    const outcome = JSON.parse(String(said));
    expect(outcome).toMatchObject({
      code: "DISK_FULL",
      retryable: true,
      details: { path: target, operation: "write", errno: "EFBIG" },
    });
    expect(outcome.bytes).toBeGreaterThan(0);
    expect(outcome.details.offset).toBe(outcome.bytes);
  });
});
