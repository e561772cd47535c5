// Tests of reading input files: gzip in all its shapes, damaged ones, and fingerprints.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { fingerprint, inspectInput, readInput } from "../../src/cli/node-input.ts";

const directory = mkdtempSync(join(tmpdir(), "varve-input-"));
afterAll(() => rmSync(directory, { recursive: true }));

const text = Array.from({ length: 20_000 }, (_, at) => `${at},${(at * 7919) % 10_007}\n`).join("");

async function readAll(
  bytes: Uint8Array,
): Promise<{ text: string; failure: unknown; read: number }> {
  const path = join(directory, "input");
  writeFileSync(path, bytes);
  const chunks: Uint8Array[] = [];
  let read = 0;
  let failure: unknown;
  try {
    for await (const chunk of readInput(inspectInput(path), (count) => {
      read += count;
    })) {
      chunks.push(chunk);
    }
  } catch (error) {
    failure = error;
  }
  return { text: Buffer.concat(chunks).toString(), failure, read };
}

describe("reading an input", () => {
  it("gives plain bytes as they are and unpacks gzip by its magic bytes", async () => {
    const packed = gzipSync(text);
    expect(await readAll(Buffer.from(text))).toMatchObject({ text, read: text.length });
    expect(await readAll(packed)).toMatchObject({ text, read: packed.length });
    expect(await readAll(Buffer.from("x"))).toMatchObject({ text: "x" });
    expect(await readAll(Buffer.from(""))).toMatchObject({ text: "" });
  });

  it("unpacks gzip files that were put one behind the other", async () => {
    const packed = Buffer.concat([gzipSync(text), gzipSync("last\n")]);
    expect(await readAll(packed)).toMatchObject({ text: `${text}last\n`, failure: undefined });
  });

  it("gives what comes before the end of a truncated gzip file, and then a clear error", async () => {
    const packed = gzipSync(text);
    const whole = await readAll(packed.subarray(0, packed.length - 4));
    expect(whole.text).toBe(text);
    expect(whole.failure).toMatchObject({ code: "IO", message: /ends too early/ });
    const half = await readAll(packed.subarray(0, packed.length / 2));
    expect(half.text.length).toBeGreaterThan(text.length / 4);
    expect(text.startsWith(half.text)).toBe(true);
    expect(half.failure).toMatchObject({ code: "IO" });
  });

  it("notices damage inside a gzip file", async () => {
    const packed = Buffer.from(gzipSync(text));
    packed[packed.length >> 1]! ^= 0x55;
    expect((await readAll(packed)).failure).toMatchObject({ code: "IO" });
  });

  it("refuses what is not there or not a file as wrong usage", () => {
    expect(() => inspectInput(join(directory, "nothing"))).toThrow(/there is no file/);
    expect(() => inspectInput(directory)).toThrow(/is a directory/);
  });

  it("fingerprints by content: any flipped byte shows, a new name does not", async () => {
    const print = async (name: string, bytes: Uint8Array) => {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      return await fingerprint(inspectInput(path));
    };
    const bytes = Buffer.from(text.repeat(2));
    const original = await print("a", bytes);
    expect(await print("b", bytes)).toBe(original);
    for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(await print("c", changed)).not.toBe(original);
    }
    expect(await print("d", bytes.subarray(1))).not.toBe(original);
  });
});
