// What recovery makes of files that no manifest names, of interrupted creations, and of what it set aside before.
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { codeOf, machine } from "../database/support.ts";

const stray = "0000000000000099-0001.log";

describe("a segment that no manifest names", () => {
  it("is set aside whole and told, and changes no answer", async () => {
    const { db, ports } = await machine({ segmentBytes: 64 * 1024 });
    await db.transact((tx) => tx.putNode("a"));
    await db.close();
    const bytes = ports.disk.readFile("/db/0000000000000001-0001.log");
    ports.disk.writeFile(`/db/${stray}`, bytes);
    const again = await machine({}, ports);
    expect(again.db.recovery).toMatchObject({ clean: true, quarantined: [`quarantine/${stray}`] });
    expect(again.db.recovery.warnings.join()).toContain(stray);
    expect([...again.db.nodes()].map(({ key }) => key)).toEqual(["a"]);
    expect(Buffer.from(bytes).equals(ports.disk.readFile(`/db/quarantine/${stray}`))).toBe(true);
    await again.db.close();
    const third = await machine({}, ports);
    expect(third.db.recovery).toMatchObject({ quarantined: [], warnings: [] });
    await third.db.close();
  });
});

describe("files of others", () => {
  it("beside the database are left alone", async () => {
    const { db, ports } = await machine();
    await db.close();
    ports.disk.writeFile("/db/notes.txt", new Uint8Array([1, 2, 3]));
    const again = await machine({}, ports);
    await again.db.transact((tx) => tx.putNode("a"));
    await again.db.close();
    expect([...ports.disk.readFile("/db/notes.txt")]).toEqual([1, 2, 3]);
  });
});

describe("an interrupted creation", () => {
  it("is begun anew where only torn copies of the first manifest are left", async () => {
    for (const left of [
      { "manifest.a": 0 },
      { "manifest.a": 60 },
      { "manifest.a": 60, "manifest.b": 0 },
    ]) {
      const disk = new SimulatedDisk();
      for (const [name, bytes] of Object.entries(left)) {
        disk.writeFile(`/db/${name}`, new Uint8Array(bytes).fill(7));
      }
      const { db } = await machine({}, simulatedPorts({ disk }));
      expect([db.lastLsn, db.recovery.clean]).toEqual([0, true]);
      await db.close();
    }
  });

  it("is none where any other file of a database is left", async () => {
    for (const name of ["watermark", "allocation", "reserve", stray]) {
      const disk = new SimulatedDisk();
      disk.writeFile(`/db/${name}`, new Uint8Array(100));
      const before = disk.calls;
      expect(await codeOf(() => machine({}, simulatedPorts({ disk })))).toBe("CORRUPT");
      expect(disk.calls).toBe(before);
    }
  });
});
