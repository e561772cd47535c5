// Actors in worker threads and in process.
import { constants, getPriority } from "node:os";
import { isMainThread } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { siblingModule } from "../../src/disk/actor-module.ts";
import { NodeDisk } from "../../src/disk/node-disk.ts";
import { NodeWorkers } from "../../src/disk/node-workers.ts";
import type { Disk, WorkerActor, Workers } from "../../src/disk/ports.ts";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { SimulatedWorkers } from "../../src/testing/simulated-workers.ts";
import { type Transpiled, transpileFloor0 } from "./transpile.ts";

const module = new URL("./echo-actor.mjs", import.meta.url);

/** The threads' errors are of the built copy's class, so this looks at what they say. */
function isGone(error: unknown): boolean {
  const { code, details } = error as { code: unknown; details: Record<string, unknown> };
  return code === "IO" && details["operation"] === "worker";
}

// A thread loads built modules only, so the workers that start them must be built too.
let built: Transpiled;
let threads: Workers;
let threadDisk: Disk;
beforeAll(async () => {
  built = await transpileFloor0();
  threads = new (await import(built.url("disk/node-workers"))).NodeWorkers();
  threadDisk = new (await import(built.url("disk/node-disk"))).NodeDisk();
});
afterAll(() => built.dispose());

const simulated = new SimulatedWorkers();
const simulatedDisk = new SimulatedDisk();

for (const name of ["threads", "simulated workers"] as const) {
  describe(name, () => {
    const start = (url: URL): WorkerActor =>
      name === "threads" ? threads.start(url, threadDisk) : simulated.start(url, simulatedDisk);

    async function using(act: (actor: WorkerActor) => Promise<void>): Promise<void> {
      const actor = start(module);
      try {
        await act(actor);
      } finally {
        await actor.stop();
      }
    }

    it("answer each request with its own result", () =>
      using(async (actor) => {
        const answers = await Promise.all(
          [1, 2, 3].map((byte) => actor.request({ bytes: Uint8Array.of(byte) })),
        );
        expect(answers).toEqual([1, 2, 3].map((byte) => Uint8Array.of(byte, byte)));
      }));

    it("move the buffers that are transferred", () =>
      using(async (actor) => {
        const bytes = Uint8Array.of(5);
        const answer = actor.request({ bytes }, [bytes.buffer]);
        expect(bytes.length).toBe(0);
        expect(await answer).toEqual(Uint8Array.of(5, 5));
      }));

    it("pass on what the module throws and live on", () =>
      using(async (actor) => {
        await expect(actor.request({ kind: "throw" })).rejects.toThrow("as told");
        expect(await actor.request({ bytes: Uint8Array.of(1) })).toEqual(Uint8Array.of(1, 1));
      }));

    it("keep the code, details and retryable of a VarveError, and the kind of a caller's mistake", () =>
      using(async (actor) => {
        const error = await actor.request({ kind: "damage" }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: "CORRUPT",
          message: "as told",
          retryable: true,
          details: { file: "/x", offset: 7 },
        });
        expect(isGone(error)).toBe(false);
        await expect(actor.request({ kind: "mistake" })).rejects.toThrow(RangeError);
      }));

    it("answer with the error even where its details cannot be copied", () =>
      using(async (actor) => {
        await expect(actor.request({ kind: "uncopied" })).rejects.toMatchObject({ code: "IO" });
      }));

    it("never begin what waited when they were stopped", () =>
      using(async (actor) => {
        const marks = new SharedArrayBuffer(1);
        const first = actor.request({ kind: "wait", ms: 20 }).catch(isGone);
        const second = actor.request({ kind: "mark", marks }).catch(isGone);
        await actor.stop();
        expect([await first, await second]).toEqual([true, true]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(new Uint8Array(marks)[0]).toBe(0);
      }));

    it("refuse a message that cannot be copied", () =>
      using(async (actor) => {
        await expect(async () => actor.request({ call: () => {} })).rejects.toThrow();
        expect(await actor.request({ bytes: Uint8Array.of(1) })).toEqual(Uint8Array.of(1, 1));
      }));

    it("reject what is pending when stopped, and all that comes after", () =>
      using(async (actor) => {
        const pending = expect(actor.request({ kind: "wait" })).rejects.toMatchObject({
          code: "IO",
        });
        await actor.stop();
        await pending;
        await expect(actor.request({ bytes: Uint8Array.of(1) })).rejects.toMatchObject({
          code: "IO",
        });
      }));

    it("are gone when the module cannot be loaded, and tell why", async () => {
      const actor = start(new URL("./no-such-module.mjs", import.meta.url));
      for (let request = 0; request < 2; request++) {
        const error = await actor.request({}).catch((thrown: unknown) => thrown);
        expect(isGone(error)).toBe(true);
        expect((error as Error).message).toMatch(/no-such-module/);
      }
      await actor.stop();
    });
  });
}

describe("the disk of an actor", () => {
  it("is one of its own on a thread", async () => {
    const actor = threads.start(module, threadDisk);
    expect(await actor.request({ kind: "where" })).toEqual({
      isMainThread: false,
      disk: "NodeDisk",
    });
    await actor.stop();
  });

  it("is the very one that was given where it is simulated or wrapped", async () => {
    class Wrapped extends NodeDisk {}
    for (const disk of [new Wrapped(), simulatedDisk]) {
      const actor = new NodeWorkers().start(module, disk);
      const { name } = disk.constructor;
      expect(await actor.request({ kind: "where" })).toEqual({ isMainThread: true, disk: name });
      await actor.stop();
    }
  });

  it("is the very one that was given where the module is not built", async () => {
    const disk = new NodeDisk();
    const unbuilt = new URL("./unbuilt-actor.ts", import.meta.url);
    const actor = new NodeWorkers().start(unbuilt, disk);
    expect(await actor.request({})).toBe(`${isMainThread} NodeDisk`);
    await actor.stop();
  });
});

describe("the priority of a thread", () => {
  it("is below normal where it may have one of its own, and that of the process what it was", async () => {
    const ofProcess = getPriority();
    const actor = threads.start(module, threadDisk);
    const { PRIORITY_BELOW_NORMAL: low } = constants.priority;
    const ofThread = process.platform === "linux" ? Math.max(ofProcess, low) : ofProcess;
    await expect.poll(() => actor.request({ kind: "priority" })).toBe(ofThread);
    expect(getPriority()).toBe(ofProcess);
    await actor.stop();
  });
});

describe("worker death", () => {
  it("rejects what is pending in a thread that exits", async () => {
    const actor = threads.start(module, threadDisk);
    const first = actor.request({ kind: "die" });
    const second = actor.request({ bytes: Uint8Array.of(1) });
    expect(await first.catch(isGone)).toBe(true);
    await expect(second).rejects.toMatchObject({ code: "IO" });
  });

  it("rejects what is pending in a simulated worker that is killed", async () => {
    const workers = new SimulatedWorkers();
    const actor = workers.start(module, simulatedDisk);
    const pending = actor.request({ kind: "wait" });
    workers.kill();
    await expect(pending).rejects.toMatchObject({ code: "IO" });
  });
});

describe("sibling module", () => {
  it("has the extension of its caller, built or not", () => {
    expect(siblingModule("merge", "file:///x/dist/index/tree.js").href).toBe(
      "file:///x/dist/index/merge.js",
    );
    expect(siblingModule("merge", "file:///x/src/index/tree.ts").href).toBe(
      "file:///x/src/index/merge.ts",
    );
  });
});
