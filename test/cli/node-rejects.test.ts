// Tests of the rejects file.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { RejectsFile } from "../../src/cli/node-rejects.ts";

const directory = mkdtempSync(join(tmpdir(), "varve-rejects-"));
afterAll(() => rmSync(directory, { recursive: true }));
const reject = (line: number) => ({ file: "a.csv", line, reason: "no key", raw: ',"x"' });

describe("the rejects file", () => {
  it("is made with the first reject and not before; an old one is taken away", () => {
    const path = join(directory, "a.ndjson");
    writeFileSync(path, "old");
    const rejects = new RejectsFile(path, 0);
    rejects.write([]);
    expect(existsSync(path)).toBe(false);
    rejects.write([reject(1), reject(2)]);
    rejects.close();
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([reject(1), reject(2)]);
    expect(rejects.bytes).toBe(readFileSync(path).length);
  });

  it("is cut back to what was recorded, so that a resumed ingest repeats no reject", () => {
    const path = join(directory, "b.ndjson");
    const first = new RejectsFile(path, 0);
    first.write([reject(1)]);
    const recorded = first.bytes;
    first.write([reject(2)]);
    first.close();
    const second = new RejectsFile(path, recorded);
    second.write([reject(2), reject(3)]);
    second.close();
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).line)).toEqual([1, 2, 3]);
  });

  it("is CSV where its name says so", () => {
    const path = join(directory, "c.csv");
    const rejects = new RejectsFile(path, 0);
    rejects.write([reject(7)]);
    rejects.close();
    expect(readFileSync(path, "utf8")).toBe(
      'file,line,reason,raw\n"a.csv","7","no key",",""x"""\n',
    );
  });
});
