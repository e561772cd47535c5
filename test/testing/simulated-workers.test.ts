// A simulated worker that passes for a thread takes with it, when it ends, what it has opened, and changes nothing behind that.
import { expect, it } from "vitest";
import type { ActorHandler } from "../../src/disk/ports.ts";
import { SimulatedDisk, SimulatedWorkers } from "../../src/testing/testing.ts";

const module = new URL("file:///worker.js");

/** Opens the file and, where it is asked to, waits before it goes on to do away with it. */
function actorOn(goesOn: Promise<void>): { handle: ActorHandler; failed: string[] } {
  const failed: string[] = [];
  const attempt = async (name: string, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch {
      failed.push(name);
    }
  };
  const handle: ActorHandler = async (message, disk) => {
    const file = await disk.open("/d/file", "write");
    if (message === "reads") return { result: file.readSync(new Uint8Array(9), 0) };
    await goesOn;
    await attempt("write", () => file.writeSync(Uint8Array.of(1), 0));
    await attempt("open", () => disk.open("/d/file", "read"));
    await attempt("openSync", () => disk.openSync("/d/file"));
    await attempt("list", () => disk.list("/d"));
    await attempt("stat", () => disk.stat("/d/file"));
    await attempt("create", () => disk.makeDirectory("/d/e"));
    await attempt("rename", () => disk.rename("/d/file", "/d/other"));
    await attempt("unlink", () => disk.unlink("/d/file"));
    await attempt("sync", () => disk.syncDirectory("/d"));
    await attempt("lock", () => disk.lock("/d", "me"));
    return { result: undefined };
  };
  return { handle, failed };
}

function diskWithFile(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.writeFile("/d/file", Uint8Array.of(7, 7, 7));
  return disk;
}

it.each(["stop", "kill"] as const)("by %s", async (how) => {
  const disk = diskWithFile();
  const workers = new SimulatedWorkers();
  let goOn = (): void => {};
  const { handle, failed } = actorOn(
    new Promise((resolve) => {
      goOn = resolve;
    }),
  );
  expect(workers.hasThread(module)).toBe(false);
  workers.register(module, { handle }, { asThread: true });
  expect(workers.hasThread(module)).toBe(true);
  const actor = workers.start(module, disk);
  expect(await actor.request("reads")).toBe(3);
  const asked = actor.request("waits");
  asked.catch(() => {});
  for (let turn = 0; turn < 20; turn++) await undefined;
  expect(disk.openFiles).toBe(2);
  if (how === "stop") await actor.stop();
  else workers.kill();
  await expect(asked).rejects.toMatchObject({ code: "IO", details: { operation: "worker" } });
  goOn();
  for (let turn = 0; turn < 40; turn++) await undefined;
  expect(disk.openFiles).toBe(0);
  const every = ["write", "open", "openSync", "list", "stat", "create", "rename", "unlink"];
  expect(failed).toEqual([...every, "sync", "lock"]);
  expect(disk.listAll()).toEqual(["/d/file"]);
  expect([...disk.readFile("/d/file")]).toEqual([7, 7, 7]);
});

it("where its opening is still under way, too", async () => {
  const disk = diskWithFile();
  const workers = new SimulatedWorkers();
  workers.register(module, { handle: actorOn(Promise.resolve()).handle }, { asThread: true });
  disk.delay = async () => {
    for (let turn = 0; turn < 10; turn++) await undefined;
  };
  const actor = workers.start(module, disk);
  actor.request("reads").catch(() => {});
  for (let turn = 0; turn < 6; turn++) await undefined;
  await actor.stop();
  for (let turn = 0; turn < 60; turn++) await undefined;
  expect(disk.openFiles).toBe(0);
});

it("and where it is none, it goes on to its own end", async () => {
  const disk = diskWithFile();
  const workers = new SimulatedWorkers();
  const { handle, failed } = actorOn(Promise.resolve());
  workers.register(module, { handle }, { asThread: true });
  workers.register(module, { handle });
  expect(workers.hasThread(module)).toBe(false);
  const actor = workers.start(module, disk);
  actor.request("waits").catch(() => {});
  for (let turn = 0; turn < 4; turn++) await undefined;
  await actor.stop();
  for (let turn = 0; turn < 60; turn++) await undefined;
  expect(failed).toEqual(["unlink"]);
});
