// A creation that is interrupted, begun again and interrupted again.
import { describe, expect, it } from "vitest";
import { Crash } from "../../src/testing/dead-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { survivalFamily } from "../../src/testing/survival-family.ts";
import { open } from "../../src/varve.ts";

async function openUntil(
  ports: SimulatedPorts,
  phase: "before" | "after",
  operation: string,
  ending: string,
): Promise<void> {
  ports.disk.onCall = (call) => {
    const strikes = call.phase === phase && call.operation === operation;
    if (strikes && call.path.endsWith(ending)) throw new Crash();
  };
  await expect(open("/db", { ...ports })).rejects.toThrow();
}

describe("a creation killed between its manifests and their names", () => {
  it("can be begun again, and a power cut then never leaves a segment without a manifest", async () => {
    const first = simulatedPorts({ tasks: "automatic" });
    await openUntil(first, "after", "write", "manifest.a");
    const second = simulatedPorts({ tasks: "automatic", disk: first.disk.kill() });
    await openUntil(second, "before", "sync", ".log");
    for (const survival of survivalFamily(second.disk)) {
      const third = simulatedPorts({ tasks: "automatic", disk: second.disk.powerCut(survival) });
      const db = await open("/db", { ...third });
      await db.transact((tx) => tx.putNode("a"));
      await db.close();
    }
  });
});

describe("two creations at the same moment", () => {
  it("have one winner, and the other one is told LOCKED", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const results = await Promise.allSettled([1, 2].map(() => open("/db", { ...ports })));
    const lost = results.filter((result) => result.status === "rejected");
    expect(lost).toHaveLength(1);
    expect(lost[0]).toMatchObject({ reason: { code: "LOCKED", retryable: true } });
  });

  it("do not hide a file that has taken the name", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const { disk } = ports;
    disk.onCall = ({ operation, phase }) => {
      if (operation === "makeDirectory" && phase === "before")
        disk.writeFile("/db", new Uint8Array(1));
    };
    await expect(open("/db", { ...ports })).rejects.toMatchObject({ code: "EXISTS" });
  });
});

describe("a database whose manifest is taken away between the look at it and the lock", () => {
  it("is CORRUPT, and nothing is made in its place", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const { disk } = ports;
    await (await open("/db", { ...ports })).close();
    const taken = await disk.list("/db");
    disk.onCall = ({ operation, phase }) => {
      if (operation !== "lock" || phase !== "after") return;
      for (const copy of ["manifest.a", "manifest.b"]) disk.removeFile(`/db/${copy}`);
    };
    await expect(open("/db", { ...ports })).rejects.toMatchObject({
      code: "CORRUPT",
      details: { directory: "/db" },
    });
    const left = (await disk.list("/db")).sort();
    expect(left).toEqual(taken.filter((name) => !name.startsWith("manifest")).sort());
  });
});
