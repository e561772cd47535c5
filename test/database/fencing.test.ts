// A writer that finds out that another one has opened its database stops at once.
import { describe, expect, it } from "vitest";
import type { VarveError } from "../../src/codec/errors.ts";
import { decodeManifest, encodeManifest } from "../../src/log/manifest-codec.ts";
import { open } from "../../src/varve.ts";
import { machine } from "./support.ts";

async function failureOf(work: Promise<unknown>): Promise<VarveError> {
  return await work.then(
    () => expect.fail("was acknowledged"),
    (error: unknown) => error as VarveError,
  );
}

describe("a writer that another one has overtaken", () => {
  it("acknowledges nothing more, and says why", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("mine"));
    for (const name of ["/db/manifest.a", "/db/manifest.b"]) {
      const manifest = decodeManifest(ports.disk.readFile(name), name, false)!;
      const overtaken = { ...manifest, edit: manifest.edit + 1, epoch: manifest.epoch + 1 };
      ports.disk.writeFile(name, encodeManifest(overtaken));
    }
    const failure = await failureOf(db.transact((tx) => tx.putNode("too late")));
    expect(failure.code).toBe("POISONED");
    expect((failure.cause as VarveError).code).toBe("LOCKED");
    expect((await failureOf(db.transact((tx) => tx.putNode("later")))).code).toBe("POISONED");
    expect(db.hasNode("too late")).toBe(false);
    await db.close();
  });

  it("is overtaken by every opening that no lock has kept out", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("mine"));
    // As in two containers that share a volume: each has a lock of its own.
    const { disk } = ports;
    const unlocked = new Proxy(disk, {
      get: (_, name) => {
        const value: unknown = Reflect.get(disk, name, disk);
        if (name === "lock") return () => Promise.resolve({ release: () => Promise.resolve() });
        return typeof value === "function" ? value.bind(disk) : value;
      },
    });
    const other = await open("/db", { ...ports, disk: unlocked });
    const failure = await failureOf(db.transact((tx) => tx.putNode("too late")));
    expect((failure.cause as VarveError).code).toBe("LOCKED");
    await other.transact((tx) => tx.putNode("theirs"));
    expect(other.hasNode("too late")).toBe(false);
    await db.close();
    await other.close();
    const again = await open("/db", { ...ports });
    expect([again.hasNode("mine"), again.hasNode("theirs")]).toEqual([true, true]);
    await again.close();
  });

  it("goes on where a manifest is damaged rather than newer", async () => {
    const { db, ports } = await machine();
    for (const name of ["/db/manifest.a", "/db/manifest.b"]) {
      const bytes = ports.disk.readFile(name).slice();
      bytes[60] = 0xff;
      ports.disk.writeFile(name, bytes);
    }
    await db.transact((tx) => tx.putNode("fine"));
    expect(db.hasNode("fine")).toBe(true);
    await db.close();
  });
});
