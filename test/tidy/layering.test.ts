// Holds the floors of the design: a source file imports from its own folder or a lower floor, never upward, never
// in a circle, and only the package's entries re-export. Type imports count.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  importsOf,
  projectFiles,
  projectRoot,
  resolveImport,
  type SourceFile,
  withoutComments,
} from "./source-text.ts";

const floors: ReadonlyMap<string, number> = new Map([
  ["disk", 0],
  ["codec", 0],
  ["log", 1],
  ["index", 2],
  ["compaction", 3],
  ["recovery", 3],
  ["graph", 4],
  ["changes", 4],
  ["database", 5],
  ["varve.ts", 5],
  ["cli", 6],
]);

// Two folders on one floor keep apart, but for these: the adapters throw the codec's errors, and the entry stands
// on what it opens.
const sideways: ReadonlySet<string> = new Set(["disk -> codec", "varve.ts -> database"]);

/** The folder directly below src that a file belongs to, or the file itself where it lies directly in src. */
function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function importFault(from: string, to: string): string | undefined {
  const own = folderOf(from);
  const other = folderOf(to);
  if (own === other) return undefined;
  if (!to.startsWith("src/")) return "imports from outside src";
  const otherFloor = floors.get(other);
  if (otherFloor === undefined) return "imports from a folder without a floor";
  if (own === "testing") return otherFloor === 0 ? undefined : "src/testing stands on floor 0 only";
  const ownFloor = floors.get(own);
  if (ownFloor === undefined) return "lies in a folder without a floor";
  if (otherFloor > ownFloor) return `imports upward, floor ${ownFloor} to ${otherFloor}`;
  if (otherFloor === ownFloor && !sideways.has(`${own} -> ${other}`))
    return "imports sideways on its floor";
  return undefined;
}

/** Every import that goes where it must not. */
function floorFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file.text).flatMap((specifier) => {
      const target = resolveImport(file.path, specifier);
      const fault = target === undefined ? undefined : importFault(file.path, target);
      return fault === undefined ? [] : [`${file.path}: ${fault}: ${specifier}`];
    }),
  );
}

/** One line for each circle met, as "a -> b -> a". */
function circles(files: readonly SourceFile[]): string[] {
  const known = new Map(files.map((file) => [file.path, file]));
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" -> "));
    const file = known.get(path);
    if (start >= 0 || finished.has(path) || file === undefined) return;
    for (const specifier of importsOf(file.text))
      visit(resolveImport(path, specifier) ?? "", [...trail, path]);
    finished.add(path);
  };
  for (const file of files) visit(file.path, []);
  return found;
}

/** Files called index.ts, and files other than the entries that pass on what another file exports. */
function barrels(files: readonly SourceFile[], entries: ReadonlySet<string>): string[] {
  return files
    .filter(
      ({ path, text }) =>
        path.endsWith("/index.ts") ||
        (!entries.has(path) &&
          /\bexport\s+(?:type\s+)?(?:\*|\{[^}]*\})[\w\s]*\bfrom\b/.test(withoutComments(text))),
    )
    .map((file) => file.path);
}

/** The source files behind the "exports" of package.json. */
function packageEntries(): Set<string> {
  const { exports } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  const targets = Object.values<string | { default: string }>(exports);
  return new Set(
    targets.flatMap((target) =>
      typeof target === "string"
        ? []
        : [target.default.replace("./dist/", "src/").replace(/js$/, "ts")],
    ),
  );
}

const sources = projectFiles(["src"], /\.ts$/);
const file = (path: string, ...specifiers: string[]): SourceFile => ({
  path,
  text: specifiers.map((specifier) => `import type { X } from "${specifier}";\n`).join(""),
});

describe("floors", () => {
  it("has sources to look at", () => {
    expect(sources.length).toBeGreaterThan(0);
  });

  it("are kept by every source file", () => {
    expect(floorFaults(sources)).toEqual([]);
  });

  it.each([
    ["src/log/a.ts", "../index/b.ts", "upward"],
    ["src/graph/a.ts", "../database/b.ts", "upward"],
    ["src/database/a.ts", "../varve.ts", "sideways"],
    ["src/compaction/a.ts", "../recovery/b.ts", "sideways"],
    ["src/recovery/a.ts", "../compaction/b.ts", "sideways"],
    ["src/changes/a.ts", "../graph/b.ts", "sideways"],
    ["src/codec/a.ts", "../disk/b.ts", "sideways"],
    ["src/testing/a.ts", "../log/b.ts", "floor 0"],
    ["src/cli/a.ts", "../testing/b.ts", "without a floor"],
    ["src/log/a.ts", "../../test/b.ts", "outside src"],
    ["src/new/a.ts", "../log/b.ts", "without a floor"],
  ])("catch %s importing %s", (path, specifier, words) => {
    expect(floorFaults([file(path, specifier)]).join()).toContain(words);
  });

  it("allow what lies below, beside in the same folder, and the two exceptions", () => {
    const allowed = [
      file("src/log/a.ts", "./b.ts", "../codec/c.ts", "node:path"),
      file("src/disk/a.ts", "../codec/errors.ts"),
      file("src/varve.ts", "./database/open.ts"),
      file("src/testing/a.ts", "../disk/ports.ts"),
    ];
    expect(floorFaults(allowed)).toEqual([]);
  });
});

describe("circles", () => {
  it("are nowhere among the source files", () => {
    expect(circles(sources)).toEqual([]);
  });

  it("are caught, type imports included", () => {
    const ring = [
      file("src/log/a.ts", "./b.ts"),
      file("src/log/b.ts", "./c.ts"),
      file("src/log/c.ts", "./a.ts"),
    ];
    expect(circles(ring)).toEqual(["src/log/a.ts -> src/log/b.ts -> src/log/c.ts -> src/log/a.ts"]);
  });
});

describe("barrels", () => {
  it("are nowhere but at the package's entries", () => {
    expect(barrels(sources, packageEntries())).toEqual([]);
  });

  it("are caught by their name and by their re-exports", () => {
    const planted = [
      { path: "src/log/index.ts", text: "" },
      { path: "src/log/all.ts", text: 'export * from "./a.ts";' },
      { path: "src/log/types.ts", text: 'export type {\n  A,\n} from "./a.ts";' },
      { path: "src/log/fine.ts", text: 'import { a } from "./a.ts";\nexport { b };' },
    ];
    expect(barrels(planted, new Set())).toEqual([
      "src/log/index.ts",
      "src/log/all.ts",
      "src/log/types.ts",
    ]);
  });
});
