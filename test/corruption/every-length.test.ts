// Cuts every file of a small, cleanly closed database at every length, and loses, empties, doubles, swaps and blanks whole
// files and blocks: each must give the same answers or an error that names the damage.
import { beforeAll, describe, expect, it } from "vitest";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { outcomeAndImageOf, outcomeOf } from "./outcome.ts";
import { cleanSpecimen, digestOf, imageOf, openOn, withFile, withoutFile } from "./specimen.ts";

const timeoutMs = 900_000;
const derived = ["allocation", "reserve", "watermark"];
const derivedOrCopied = [...derived, "manifest.a", "manifest.b"];

let disk: SimulatedDisk;
let image: Map<string, Buffer>;
let digest: string;

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  image = imageOf(disk);
  const { db } = await openOn(disk.clone());
  digest = await digestOf(db);
  await db.close();
});

function isDerived(path: string): boolean {
  return derivedOrCopied.some((name) => path.endsWith(`/${name}`));
}

/** With a budget for crash tests the last segment and the watermark are cut at every length; without, at some of them. */
const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;

/** Every length below a file's own, or every so many; of a long run of zeros at its end only some. */
function* lengthsOf(bytes: Buffer, every = 1): Generator<number> {
  const stride = 1021;
  let dataEnd = bytes.length;
  while (dataEnd > 0 && bytes[dataEnd - 1] === 0) dataEnd--;
  for (let length = 0; length < bytes.length; length++) {
    // All that cut the last bytes off are tried.
    if (length % every !== 0 && Math.abs(length - dataEnd) > 64) continue;
    if (length <= dataEnd + 64 || length % stride === 0 || length === bytes.length - 1)
      yield length;
  }
}

describe("a file cut short", () => {
  it.each(["0001-0001.log", "0031-0001.log"])(
    "is refused where it is sealed: %s",
    {
      timeout: timeoutMs,
    },
    async (name) => {
      const [path, bytes] = [...image].find(([path]) => path.endsWith(name))!;
      for (const length of lengthsOf(bytes)) {
        const judge = length % 97 === 0 ? outcomeAndImageOf : outcomeOf;
        const cut = withFile(disk, path, bytes.subarray(0, length));
        const outcome = await judge(cut, digest, `${path} cut to ${length}`);
        expect(outcome).toEqual({ kind: "refused", code: "CORRUPT", file: path.slice(4) });
      }
    },
  );

  it("is refused where it is the last segment and misses a byte of a frame", {
    timeout: timeoutMs,
  }, async () => {
    const [path, bytes] = [...image].find(([path]) => path.endsWith("0063-0001.log"))!;
    let dataEnd = bytes.length;
    while (bytes[dataEnd - 1] === 0) dataEnd--;
    for (const length of lengthsOf(bytes, isFull ? 1 : 29)) {
      const cut = withFile(disk, path, bytes.subarray(0, length));
      const outcome = await outcomeOf(cut, digest, `${path} cut to ${length}`);
      if (length < dataEnd) {
        expect(outcome).toEqual({ kind: "refused", code: "CORRUPT", file: path.slice(4) });
      } else if (outcome.kind === "refused") {
        // The padding of the last frame is under its checksum too.
        expect(length - dataEnd).toBeLessThan(8);
      }
    }
  });

  it.each(derivedOrCopied)(
    "changes no answer and is told: %s",
    {
      timeout: timeoutMs,
    },
    async (name) => {
      const path = `/db/${name}`;
      const bytes = image.get(path)!;
      for (const length of lengthsOf(bytes, isFull || name !== "watermark" ? 1 : 17)) {
        const cut = withFile(disk, path, bytes.subarray(0, length));
        const outcome = await outcomeOf(cut, digest, `${path} cut to ${length}`);
        expect(outcome).toMatchObject({ kind: "same", recovery: { rebuilt: [name] } });
      }
    },
  );
});

describe("whole files", () => {
  it("removed, emptied: refused with their name, or made again and told", async () => {
    for (const path of image.keys()) {
      const name = path.slice(4);
      for (const [what, damaged] of [
        ["removed", withoutFile(disk, path)],
        ["emptied", withFile(disk, path, new Uint8Array(0))],
      ] as const) {
        const outcome = await outcomeAndImageOf(damaged, digest, `${path} ${what}`);
        if (isDerived(path)) expect(outcome).toMatchObject({ recovery: { rebuilt: [name] } });
        else expect(outcome).toEqual({ kind: "refused", code: "CORRUPT", file: name });
      }
    }
  });

  it("both copies of the manifest gone: refused, never begun anew", async () => {
    const without = withoutFile(withoutFile(disk, "/db/manifest.a"), "/db/manifest.b");
    const outcome = await outcomeAndImageOf(without, digest, "no manifest");
    expect(outcome).toMatchObject({ kind: "refused", code: "CORRUPT" });
    // Not even where no segment is left to be seen.
    for (const path of image.keys()) if (path.endsWith(".log")) without.removeFile(path);
    expect(await outcomeAndImageOf(without, digest, "no segments")).toMatchObject({
      kind: "refused",
    });
  });

  it("every derived file gone at once: the same answers", async () => {
    const without = derived.reduce((left, name) => withoutFile(left, `/db/${name}`), disk);
    const outcome = await outcomeOf(without, digest, "no derived file");
    expect(outcome).toMatchObject({ kind: "same", recovery: { clean: false } });
    if (outcome.kind === "same") expect([...outcome.recovery.rebuilt].sort()).toEqual(derived);
  });

  it("followed by themselves once more", async () => {
    for (const [path, bytes] of image) {
      const doubled = withFile(disk, path, Buffer.concat([bytes, bytes]));
      const outcome = await outcomeAndImageOf(doubled, digest, `${path} doubled`);
      const isSealed = path.endsWith(".log") && bytes.length < 64 * 1024;
      expect(outcome.kind).toBe(isSealed ? "refused" : "same");
    }
  });

  it("taken from another database", async () => {
    const other = imageOf(await cleanSpecimen(2));
    for (const [path, bytes] of image) {
      expect(bytes.equals(other.get(path)!)).toBe(path.endsWith("reserve"));
      const mixed = withFile(disk, path, other.get(path)!);
      const outcome = await outcomeAndImageOf(mixed, digest, `${path} of another database`);
      const name = path.slice(4);
      if (derived.includes(name)) expect(outcome.kind).toBe("same");
      else expect(outcome).toMatchObject({ kind: "refused", code: "CORRUPT" });
      if (outcome.kind === "same" && name !== "reserve") {
        expect(outcome.recovery.rebuilt).toEqual([name]);
      }
    }
  });

  it("replaced by a directory or exchanged with each other", async () => {
    const paths = [...image.keys()];
    for (const path of paths) {
      for (const from of paths) {
        if (from === path) continue;
        const mixed = withFile(disk, path, image.get(from)!);
        const outcome = await outcomeAndImageOf(mixed, digest, `${from} as ${path}`);
        if (path.endsWith(".log")) expect(outcome.kind).toBe("refused");
        else expect(outcome.kind).toBe("same");
      }
      const placed = withoutFile(disk, path);
      await placed.makeDirectory(path);
      const blocked = placed.clone();
      expect(await outcomeOf(blocked, digest, `${path} a directory`)).toMatchObject({
        kind: "refused",
      });
    }
  });
});

describe("a block of 512 bytes", () => {
  it("zeroed, or doubled over the next, is refused or makes no difference", {
    timeout: timeoutMs,
  }, async () => {
    for (const [path, bytes] of image) {
      const lastBlock = path.endsWith("reserve") ? 4096 : bytes.length;
      for (let at = 0; at < lastBlock; at += 512) {
        const zeroed = Buffer.from(bytes).fill(0, at, Math.min(at + 512, bytes.length));
        const doubled = Buffer.from(bytes);
        bytes.copy(doubled, at + 512, at, at + 512);
        for (const [what, changed] of [
          ["zeroed", zeroed],
          ["doubled", doubled],
        ] as const) {
          const damaged = withFile(disk, path, changed);
          const outcome = await outcomeAndImageOf(damaged, digest, `${path} block ${at} ${what}`);
          if (isDerived(path) || changed.equals(bytes)) expect(outcome.kind).toBe("same");
        }
      }
    }
  });
});
