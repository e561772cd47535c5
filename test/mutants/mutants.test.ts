// Every seeded bug still fits its source; `npm run test:mutants` sets VARVE_MUTANTS and sees each of them killed.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { killed } from "./kill.ts";
import { patched } from "./mutant.ts";
import { mutants } from "./mutants.ts";

/** Set by `npm run test:mutants`: a pattern of names. */
const wanted = process.env["VARVE_MUTANTS"];
const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the seeded bugs", () => {
  it("are at least 30, of different names, and each names a part of the suite that exists", () => {
    expect(mutants.length).toBeGreaterThanOrEqual(30);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    for (const { name, killedBy } of mutants) {
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/);
      expect(existsSync(root + killedBy.file), `${name}: ${killedBy.file}`).toBe(true);
    }
  });

  it("each change one place of the source, which compiles with them", () => {
    for (const mutant of mutants) {
      const source = readFileSync(root + mutant.file, "utf8");
      const { diagnostics } = ts.transpileModule(patched(mutant, source), {
        reportDiagnostics: true,
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      expect(diagnostics, mutant.name).toEqual([]);
    }
  });
});

describe("noticed by the suite:", () => {
  for (const mutant of wanted === undefined ? [] : mutants) {
    if (mutant.name.match(wanted ?? "") === null) continue;
    it.concurrent(mutant.name, { timeout: 600_000 }, async () => {
      const death = await killed(mutant, root);
      process.stdout.write(`${death.line}\n`);
      expect(death.survived, death.line).toBe(false);
    });
  }

  it("is said with one line each, or not asked for", () => {
    expect(mutants.some(({ name }) => name.match(wanted ?? "") !== null)).toBe(true);
  });
});
