// Every seeded bug still fits its source; `npm run test:mutants` sets VARVE_MUTANTS and sees each of them killed.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, describe, expect, it } from "vitest";
import { type Death, killed, lineOf, statesMax } from "./kill.ts";
import { measuredRows, writeMeasured } from "./measured-page.ts";
import { patched } from "./mutant.ts";
import { mutants } from "./mutants.ts";

/** Set by `npm run test:mutants`: a pattern of names. */
const wanted = process.env["VARVE_MUTANTS"];
const root = fileURLToPath(new URL("../..", import.meta.url));
const page = fileURLToPath(new URL("../../docs/MUTANTS.md", import.meta.url));

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

  it("were each seen killed within 100,000 crash states, as their page tells", () => {
    const rows = measuredRows(page);
    expect(rows.map(({ name }) => name)).toEqual(mutants.map(({ name }) => name));
    for (const { line, states, isKilled } of rows) {
      expect(isKilled, line).toBe(true);
      expect(states, line).toBeLessThanOrEqual(statesMax);
    }
  });
});

describe("noticed by the suite:", () => {
  const deaths = new Map<string, Death>();

  afterAll(() => {
    if (deaths.size > 0) writeMeasured(page, mutants, deaths);
    const killedCount = [...deaths.values()].filter(({ survived }) => !survived).length;
    const most = Math.max(...[...deaths.values()].map(({ states }) => states), 0);
    if (wanted === undefined) return;
    process.stdout.write(
      `mutants: ${deaths.size}, killed ${killedCount}, survived ${deaths.size - killedCount}; ` +
        `the slowest took ${most} crash states\n`,
    );
  });

  for (const mutant of wanted === undefined ? [] : mutants) {
    if (mutant.name.match(wanted ?? "") === null) continue;
    it.concurrent(mutant.name, { timeout: 1_300_000 }, async () => {
      const death = await killed(mutant, root);
      deaths.set(mutant.name, death);
      const line = lineOf(mutant, death);
      process.stdout.write(`${line}\n`);
      expect(death.survived, line).toBe(false);
    });
  }

  it("is said with one line each, or not asked for", () => {
    expect(mutants.some(({ name }) => name.match(wanted ?? "") !== null)).toBe(true);
  });
});
