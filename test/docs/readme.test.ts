// The documents against the project: their JavaScript runs and prints what they say it prints, and the tests, scripts,
// files, options and codes they name exist.
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { varveErrorCodes } from "../../src/codec/errors.ts";
import { projectFiles, projectRoot, type SourceFile } from "../tidy/source-text.ts";

const ownDocuments = projectFiles(["."], /^(?:[A-Z-]+|docs\/[A-Z-]+|bench\/README)\.md$/);
const packageJson = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

interface Snippet {
  /** Document and line, for the title of its test. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document, each with the line it begins on. */
function fencedBlocks({ path, text }: SourceFile): Snippet[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    place: `${path}:${text.slice(0, match.index).split("\n").length}`,
    language: match[1] ?? "",
    code: match[2] ?? "",
  }));
}

/** The document without its fenced blocks. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "");
}

/** The code, importing the sources in place of the package. */
function fromSources(code: string): string {
  const entries: Readonly<Record<string, string>> = {
    varve: "src/varve.ts",
    "varve/testing": "src/testing/testing.ts",
    "varve/testing/arbitraries": "src/testing/arbitraries.ts",
    "fast-check": "node_modules/fast-check/lib/fast-check.js",
  };
  return code.replace(
    /\bfrom "(varve(?:\/testing(?:\/arbitraries)?)?|fast-check)"/g,
    (_match, name: string) => {
      return `from ${JSON.stringify(join(projectRoot, entries[name] ?? ""))}`;
    },
  );
}

/** What the code says it prints: the comments behind its calls of the console's log. */
function promisedOutput(code: string): string[] {
  return [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1] ?? "");
}

const snippets = ownDocuments
  .flatMap(fencedBlocks)
  .filter(({ language }) => language === "js" || language === "ts");

describe("the code in the documents", () => {
  let folder = "";
  const home = process.cwd();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-docs-"));
    process.chdir(folder);
  });
  afterAll(async () => {
    process.chdir(home);
    await rm(folder, { recursive: true, force: true });
  });

  it("is there", () => {
    expect(snippets.filter(({ place }) => place.startsWith("README.md")).length).toBeGreaterThan(1);
  });

  it.each(snippets)("runs as it stands: $place", async ({ place, language, code }) => {
    const printed: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((...words: unknown[]) => {
      printed.push(format(...words));
    });
    try {
      const file = join(folder, `${place.replace(/\W/g, "-")}.${language === "ts" ? "ts" : "mjs"}`);
      await writeFile(file, fromSources(code));
      await import(pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
    expect(printed).toEqual(promisedOutput(code));
  });
});

/** Paths of the project that a document names in backticks, without the placeholders and patterns. */
function namedPaths({ text }: SourceFile): string[] {
  const names = [...prose(text).matchAll(/`((?:src|test|docs|scripts|bench|examples)\/[^`\s]*)`/g)];
  return names.map((match) => match[1] ?? "").filter((path) => !/[*<>]/.test(path));
}

/** Folders of the plan that documents speak of before they exist, and folders that a run makes. */
const notThereYet: ReadonlySet<string> = new Set([
  "src/compaction/",
  "bench/peers/",
  "bench/results/",
]);

/** Targets of the links of a document. */
function links({ text }: SourceFile): string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
}

/** The anchor that a heading of a document gets. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .trim()
    .replace(/\s/g, "-");
}

function brokenLinks(document: SourceFile): string[] {
  return links(document).filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [target = "", anchor] = link.split("#");
    const path = join(projectRoot, posix.dirname(document.path), target);
    if (target !== "" && !existsSync(path)) return true;
    if (anchor === undefined) return false;
    const text = target === "" ? document.text : readFileSync(path, "utf8");
    const headings = [...prose(text).matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? "");
    return !headings.map(anchorOf).includes(anchor);
  });
}

function unknownScripts({ text }: SourceFile): string[] {
  const names = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map((match) => match[1] ?? "");
  return names.filter((name) => !(name in packageJson.scripts));
}

function missingPaths(document: SourceFile): string[] {
  return namedPaths(document).filter(
    (path) => !notThereYet.has(path) && !existsSync(join(projectRoot, path)),
  );
}

/** Error codes a document names that the engine does not have. */
function unknownCodes({ text }: SourceFile): string[] {
  const known = new Set<string>(varveErrorCodes);
  const names = [...prose(text).matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map((match) => match[1] ?? "");
  return names.filter((name) => name !== "COL" && !name.startsWith("VARVE") && !known.has(name));
}

const planted: SourceFile = {
  path: "docs/PLANTED.md",
  text: [
    "# Planted\n\n`npm run no-such-script`, [nowhere](NOWHERE.md), [no anchor](#nowhere), `NO_CODE`,",
    "`test/no/such.test.ts`, [here](#planted).",
    "\n```js\nconsole.log(1); // 2\n```\n",
  ].join("\n"),
};

const rules: readonly [string, (document: SourceFile) => string[], string[]][] = [
  ["files and folders", missingPaths, ["test/no/such.test.ts"]],
  ["scripts of npm", unknownScripts, ["no-such-script"]],
  ["links", brokenLinks, ["NOWHERE.md", "#nowhere"]],
  ["error codes", unknownCodes, ["NO_CODE"]],
];

describe("the documents", () => {
  it("are all there, each with one title", () => {
    const paths = ownDocuments.map(({ path }) => path);
    const wanted = ["ARCHITECTURE", "DECISIONS", "DURABILITY", "FORMAT", "HOW-TO-CORRUPT-IT"];
    expect(paths).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]));
    expect(paths).toEqual(expect.arrayContaining(wanted.map((name) => `docs/${name}.md`)));
    for (const { path, text } of ownDocuments) {
      expect([path, prose(text).match(/^# /gm)?.length]).toEqual([path, 1]);
    }
  });

  it.each(rules)("name %s that exist", (_what, findWrong) => {
    const wrong = ownDocuments.map((document) => [document.path, findWrong(document)] as const);
    expect(wrong.filter(([, names]) => names.length > 0)).toEqual([]);
  });

  it.each(rules)("are caught naming %s that do not exist", (_what, findWrong, expected) => {
    expect(findWrong(planted)).toEqual(expected);
  });

  it("are caught promising output that is not printed", () => {
    const [snippet] = fencedBlocks(planted);
    expect(snippet).toMatchObject({ place: "docs/PLANTED.md:6", language: "js" });
    expect(promisedOutput(snippet?.code ?? "")).toEqual(["2"]);
  });

  it("prove each promise of a call by a test", () => {
    const text = readFileSync(join(projectRoot, "docs/DURABILITY.md"), "utf8");
    const [, section = ""] = text.match(/^## Call by call\n([\s\S]*?)^## /m) ?? [];
    const promises = section.split(/^- /m).slice(1);
    expect(promises.length).toBeGreaterThan(10);
    const unproven = promises.filter(
      (promise) => !/Proof:[\s\S]*`test\/[\w/.-]+\.test\.ts`/.test(promise),
    );
    expect(unproven).toEqual([]);
    // Whatever writes or reads files for its caller is among the calls.
    const calls = [...section.matchAll(/^`[^\n]*$/gm)].join(" ");
    const writing = ["transact", "tx.erase", "flush", "close", "checkpoint", "compact", "project"];
    for (const name of [...writing, "open", "changes", "verify", "backup", "repair"]) {
      expect(calls).toContain(`\`${name}\``);
    }
  });

  it("give a reason for every package in package.json", () => {
    const text = readFileSync(join(projectRoot, "docs/DECISIONS.md"), "utf8");
    const shortNames: Readonly<Record<string, string>> = {
      "@arethetypeswrong/cli": "attw",
      "@biomejs/biome": "biome",
    };
    const { dependencies, devDependencies } = packageJson;
    const names = Object.keys({ ...dependencies, ...devDependencies })
      .filter((name) => !name.startsWith("@types/"))
      .map((name) => shortNames[name] ?? name);
    const table = text.split("\n").filter((line) => line.startsWith("| D-"));
    expect(names.filter((name) => !table.some((line) => line.includes(name)))).toEqual([]);
  });
});
