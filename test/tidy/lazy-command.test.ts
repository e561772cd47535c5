// Holds that the command starts fast: what is loaded before a command runs is neither the engine nor a package of one command alone.
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFiles, resolveImport, withoutComments } from "./source-text.ts";

const sources: ReadonlyMap<string, string> = new Map(
  projectFiles(["src"], /\.ts$/).map(({ path, text }) => [path, withoutComments(text)]),
);

/** What a file loads when it is loaded itself: no types, and nothing behind `import(...)`. */
function loadedBy(text: string): string[] {
  const form = /^(?:import|export)\b(?!\s+type\b)[^;]*?["']([^"']+)["'];/gm;
  return [...text.matchAll(form)].map((match) => match[1] ?? "");
}

/** Every file and package that is loaded with `entry`. */
function closure(entry: string): Set<string> {
  const found = new Set<string>([entry]);
  for (const path of found) {
    for (const specifier of loadedBy(sources.get(path) ?? "")) {
      found.add(resolveImport(path, specifier) ?? specifier);
    }
  }
  return found;
}

const heavy =
  /^(?:src\/(?:varve|database|changes|graph|index|log|recovery|compaction)\b|rxjs|csv-parse|cli-progress)/;

function heavyOf(entry: string): string[] {
  return [...closure(entry)].filter((path) => heavy.test(path));
}

/** The commands' own files: what the table in command.ts loads. */
const commands = [
  ...(sources.get("src/cli/command.ts") ?? "").matchAll(/import\("([^"]+)"\)/g),
].map((match) => posix.join("src/cli", match[1] ?? ""));

describe("what the command loads", () => {
  it("before it knows what to run is small", () => {
    expect(heavyOf("src/cli/main.ts")).toEqual([]);
    expect(closure("src/cli/main.ts").size).toBeLessThan(16);
  });

  it("for its help, and to refuse wrong usage, is not the engine", () => {
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.flatMap(heavyOf)).toEqual([]);
  });

  it("to ingest is csv-parse, and the engine only with openDatabase", () => {
    expect(heavyOf("src/cli/ingest-command.ts")).toContain("csv-parse/sync");
    expect(heavyOf("src/cli/ingest-command.ts")).not.toContain("src/varve.ts");
    expect(sources.get("src/cli/reading.ts")).toContain('await import("../varve.ts")');
  });
});
