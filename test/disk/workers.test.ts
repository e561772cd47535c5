// Actors in worker threads and in process.
import { describe, expect, it } from "vitest";
import { siblingModule } from "../../src/disk/actor-module.ts";
import { NodeWorkers } from "../../src/disk/node-workers.ts";
import type { WorkerActor } from "../../src/disk/ports.ts";
import { SimulatedWorkers } from "../../src/testing/simulated-workers.ts";

const module = new URL("./echo-actor.mjs", import.meta.url);

for (const [name, workers] of [
  ["threads", new NodeWorkers()],
  ["simulated workers", new SimulatedWorkers()],
] as const) {
  describe(name, () => {
    async function using(act: (actor: WorkerActor) => Promise<void>): Promise<void> {
      const actor = workers.start(module);
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

    it("reject every request when the module cannot be loaded", async () => {
      const actor = workers.start(new URL("./no-such-module.mjs", import.meta.url));
      await expect(actor.request({})).rejects.toThrow(/no-such-module/);
      await actor.stop();
    });
  });
}

describe("worker death", () => {
  it("rejects what is pending in a thread that exits", async () => {
    const actor = new NodeWorkers().start(module);
    const first = actor.request({ kind: "die" });
    const second = actor.request({ bytes: Uint8Array.of(1) });
    await expect(first).rejects.toMatchObject({ code: "IO" });
    await expect(second).rejects.toMatchObject({ code: "IO" });
  });

  it("rejects what is pending in a simulated worker that is killed", async () => {
    const workers = new SimulatedWorkers();
    const actor = workers.start(module);
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
