// The other adapters of Node: clock, random numbers and scheduler.
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { nodePorts } from "../../src/disk/node-ports.ts";
import { transpileFloor0 } from "./transpile.ts";

describe("the ports of a real machine", () => {
  const { clock, random, scheduler } = nodePorts();

  it("tell the time", () => {
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1000);
    const before = clock.monotonicMs();
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });

  it("draw fresh random bytes", () => {
    expect(random.bytes(16)).toHaveLength(16);
    expect(random.bytes(16)).not.toEqual(random.bytes(16));
  });

  it("run microtasks before tasks, and timers when due unless cancelled", async () => {
    const ran: string[] = [];
    await new Promise<void>((resolve) => {
      const cancel = scheduler.after(1, () => ran.push("cancelled"));
      scheduler.task(() => ran.push("task"));
      scheduler.microtask(() => ran.push("microtask"));
      cancel();
      // One that must not fire at once, although it is longer than the platform's timers.
      const far = scheduler.after(2 ** 32, () => ran.push("far"));
      scheduler.after(20, () => {
        far();
        resolve();
      });
    });
    expect(ran).toEqual(["microtask", "task"]);
  });

  it("let the process end with a timer, a lock and an idle worker left", async () => {
    const built = await transpileFloor0();
    const text = `
      const { nodePorts } = await import(${JSON.stringify(built.url("disk/node-ports"))});
      const ports = nodePorts();
      ports.scheduler.after(60_000, () => {});
      await ports.disk.lock(process.cwd(), "me");
      const actor = ports.workers.start(new URL(${JSON.stringify(new URL("./echo-actor.mjs", import.meta.url).href)}), ports.disk);
      const answer = await actor.request({ bytes: Uint8Array.of(1) });
      process.stdout.write(String(answer.length));
    `;
    const cwd = new URL(built.url("disk/x")).pathname.replace(/\/x\.js$/, "");
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", text], {
      cwd,
      timeout: 10_000,
    });
    await built.dispose();
    expect(String(said)).toBe("2");
  });
});
