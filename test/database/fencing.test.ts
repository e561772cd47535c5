// A writer that finds out that another one has opened its database stops at once.
import { describe, expect, it } from "vitest";
import type { VarveError } from "../../src/codec/errors.ts";
import { decodeManifest, encodeManifest } from "../../src/log/manifest-codec.ts";
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
