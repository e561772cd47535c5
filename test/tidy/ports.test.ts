// Holds the ports: the outside world (files, time, randomness, scheduling, workers) is reached by the adapters
// alone, and each package by the files that own it. Without that there is no crash testing.
import { describe, expect, it } from "vitest";
import { codeOnly, findings, importsOf, projectFiles, type SourceFile } from "./source-text.ts";

const diskAdapter = /^src\/disk\/node-[^/]*\.ts$/;
const inputAdapter = /^src\/cli\/node-[^/]*\.ts$/;
const command = /^src\/cli\//;

/** Who may import which of Node's modules; what is not listed is open to nobody. */
const nodeModules: ReadonlyMap<string, readonly RegExp[]> = new Map([
  ["fs", [diskAdapter, inputAdapter]],
  ["fs/promises", [diskAdapter, inputAdapter]],
  ["net", [diskAdapter]],
  ["cluster", [diskAdapter]],
  ["diagnostics_channel", [diskAdapter]],
  ["worker_threads", [diskAdapter]],
  ["os", [diskAdapter, command]],
  ["crypto", [diskAdapter]],
  ["path", [diskAdapter, command]],
  ["process", [diskAdapter, command]],
  ["perf_hooks", [diskAdapter]],
  ["timers", [diskAdapter]],
  ["url", [diskAdapter, command]],
  ["stream", [command]],
  ["stream/promises", [command]],
  ["readline", [command]],
  ["zlib", [inputAdapter]],
  ["util", [diskAdapter, command]],
  ["buffer", [diskAdapter, command]],
]);

/** Who may import which package. */
const packages: ReadonlyMap<string, readonly RegExp[]> = new Map([
  ["rxjs", [/^src\/database\//, /^src\/changes\//]],
  ["xxhash-wasm", [/^src\/codec\/checksum\.ts$/]],
  ["fast-check", [/^src\/testing\//]],
  ["cli-progress", [command]],
  ["commander", [command]],
  ["csv-parse", [command]],
]);

interface Global {
  readonly pattern: RegExp;
  readonly doors: readonly RegExp[];
}

// A name after a dot or before a colon is a property of something of ours, not the global. `new Date(ms)` decodes.
const globals: readonly Global[] = [
  {
    pattern: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b(?!\s*:)/g,
    doors: [diskAdapter],
  },
  { pattern: /\bprocess\s*\.\s*nextTick\b/g, doors: [diskAdapter] },
  { pattern: /\bDate\s*\.\s*now\b/g, doors: [diskAdapter] },
  { pattern: /(?<![.\w$])Date\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()/g, doors: [diskAdapter] },
  { pattern: /(?<![.\w$])performance\s*\./g, doors: [diskAdapter, inputAdapter] },
  { pattern: /\bMath\s*\.\s*random\b/g, doors: [diskAdapter] },
  { pattern: /(?<![.\w$])crypto\s*\.|\bgetRandomValues\b|\brandomUUID\b/g, doors: [diskAdapter] },
  { pattern: /(?<![.\w$])process\s*[.[]/g, doors: [diskAdapter, command] },
  { pattern: /\bAbortSignal\s*\.\s*timeout\b/g, doors: [] },
  { pattern: /\bnew\s+(?:Worker|MessageChannel|BroadcastChannel)\b/g, doors: [diskAdapter] },
  { pattern: /\bglobalThis\b/g, doors: [diskAdapter] },
];

function isOpenTo(path: string, doors: readonly RegExp[]): boolean {
  return doors.some((door) => door.test(path));
}

/** The package of a bare specifier: "rxjs/operators" is of rxjs. */
function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Every import of a Node module or a package by a file that does not own it. */
function importFaults({ path, text }: SourceFile): string[] {
  return importsOf(text)
    .filter((specifier) => !specifier.startsWith("."))
    .filter((specifier) => {
      const bare = specifier.replace(/^node:/, "");
      const doors = nodeModules.get(bare) ?? packages.get(packageOf(specifier)) ?? [];
      return !isOpenTo(path, doors);
    })
    .map((specifier) => `${path}: must not import ${specifier}`);
}

/** Every use of a global that reaches outside, by a file that is no adapter. */
function globalFaults({ path, text }: SourceFile): string[] {
  const code = codeOnly(text);
  return globals
    .filter(({ doors }) => !isOpenTo(path, doors))
    .flatMap(({ pattern }) => findings(path, code, pattern, "goes past the ports"));
}

const sources = projectFiles(["src"], /\.ts$/);

describe("imports of Node modules and packages", () => {
  it("are made by the files that own them alone", () => {
    expect(sources.flatMap(importFaults)).toEqual([]);
  });

  it.each([
    ["src/log/a.ts", "node:fs"],
    ["src/log/a.ts", "fs"],
    ["src/disk/ports.ts", "node:fs/promises"],
    ["src/database/a.ts", "node:worker_threads"],
    ["src/index/a.ts", "node:os"],
    ["src/codec/a.ts", "node:crypto"],
    ["src/cli/main.ts", "node:fs"],
    ["src/cli/node-input.ts", "node:net"],
    ["src/log/a.ts", "node:child_process"],
    ["src/log/a.ts", "rxjs"],
    ["src/graph/a.ts", "rxjs/operators"],
    ["src/log/a.ts", "xxhash-wasm"],
    ["src/database/a.ts", "commander"],
    ["src/log/a.ts", "some-package"],
  ])("catch %s importing %s", (path, specifier) => {
    expect(importFaults({ path, text: `import x from "${specifier}";` })).toHaveLength(1);
  });

  it.each([
    ["src/disk/node-disk.ts", "node:fs"],
    ["src/cli/node-input.ts", "node:fs"],
    ["src/changes/feed.ts", "rxjs"],
    ["src/codec/checksum.ts", "xxhash-wasm"],
    ["src/cli/main.ts", "commander"],
    ["src/cli/main.ts", "csv-parse/sync"],
  ])("let %s import %s", (path, specifier) => {
    expect(importFaults({ path, text: `import x from "${specifier}";` })).toEqual([]);
  });
});

describe("globals that reach outside", () => {
  it("are used by the adapters alone", () => {
    expect(sources.flatMap(globalFaults)).toEqual([]);
  });

  it.each([
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    "queueMicrotask(f)",
    "const later = setTimeout;",
    "process.nextTick(f)",
    "Date.now()",
    "new Date()",
    "new Date( )",
    "new Date;",
    "performance.now()",
    "Math.random()",
    "crypto.getRandomValues(a)",
    "process.env",
    "AbortSignal.timeout(5)",
    "new Worker(url)",
    "globalThis.setTimeout(f, 1)",
  ])("are caught: %s", (text) => {
    expect(globalFaults({ path: "src/log/a.ts", text })).not.toEqual([]);
  });

  it.each([
    "new Date(milliseconds)",
    "scheduler.setTimeout(f)",
    "// setTimeout(f, 1)",
    'const name = "Math.random()";',
    "clock.wallMs()",
  ])("are not seen in %s", (text) => {
    expect(globalFaults({ path: "src/log/a.ts", text })).toEqual([]);
  });

  it("are open to the Node adapters", () => {
    expect(globalFaults({ path: "src/disk/node-clock.ts", text: "Date.now()" })).toEqual([]);
    expect(globalFaults({ path: "src/cli/main.ts", text: "process.exitCode = 1" })).toEqual([]);
  });
});
