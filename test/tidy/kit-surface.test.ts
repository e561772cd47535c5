// Holds the engine's own crash tests to what the package publishes of its kit: they import it through its entries alone.
import { expect, it } from "vitest";
import { importsOf, projectFiles, resolveImport, type SourceFile } from "./source-text.ts";

const entries = ["src/testing/testing.ts", "src/testing/arbitraries.ts"];

/** Every import of a file of the kit that is no entry. */
function pastTheEntries({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .map((specifier) => resolveImport(path, specifier) ?? "")
    .filter((target) => target.startsWith("src/testing/") && !entries.includes(target))
    .map((target) => `${path}: ${target}`);
}

const tests = projectFiles(["test/crash", "test/support"], /\.(?:ts|mjs)$/);

it("the engine's crash tests use the kit as its users do", () => {
  expect(tests.flatMap(({ text }) => importsOf(text)).join()).toContain("src/testing/testing.ts");
  expect(tests.flatMap(pastTheEntries)).toEqual([]);
});

it("an import past the entries is caught", () => {
  const text = 'import { familyOf } from "../../src/testing/survival.ts";';
  expect(pastTheEntries({ path: "test/crash/a.test.ts", text })).toHaveLength(1);
});
