// Holds the crash tests that were moved to the published explorer to it: of the engine they import the package's entries and test support.
import { expect, it } from "vitest";
import { importsOf, projectFiles, resolveImport, type SourceFile } from "./source-text.ts";

const entries = ["src/varve.ts", "src/testing/testing.ts", "src/testing/arbitraries.ts"];

/** It kills processes, and breaks no simulated disk. */
const others = /\/kill\.test\.ts$/;

const ownOracle = /support\/crash-oracle\.ts$/;

function pastTheEntries({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .map((specifier) => resolveImport(path, specifier) ?? "")
    .filter((to) => (to.startsWith("src/") && !entries.includes(to)) || ownOracle.test(to))
    .map((to) => `${path}: ${to}`);
}

const families = projectFiles(["test/crash"], /\.test\.ts$/).filter(
  ({ path }) => !others.test(path),
);

it("crash tests use the published explorer, and the engine as its users do", () => {
  expect(families.length).toBeGreaterThanOrEqual(12);
  expect(families.flatMap(pastTheEntries)).toEqual([]);
});

it("an import past the entries is caught", () => {
  const text = 'import { open } from "../../src/database/open.ts";';
  expect(pastTheEntries({ path: "test/crash/a.test.ts", text })).toHaveLength(1);
});
