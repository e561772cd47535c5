// Reads the project's files as text for the tidy tests: which there are, their code without comments or strings,
// and what they import. No compiler: a scan of the text is enough, and stays when the compiler changes.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

export interface SourceFile {
  /** Path from the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const projectRoot: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const untracked = new Set(["node_modules", "dist", ".git", ".cache", "tmp", "demo-output"]);

/** Every text file of the project below one of `folders` ("." for all of it), in path order. */
export function projectFiles(folders: readonly string[], extensions: RegExp): SourceFile[] {
  const paths = folders.flatMap((folder) => filesBelow(join(projectRoot, folder)));
  return paths
    .map((path) => relative(projectRoot, path).split("\\").join("/"))
    .filter((path) => extensions.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), "utf8") }));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (untracked.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

// One alternative per kind of token, tried in this order at each place. A slash begins a regular expression only
// where an operand is expected; a template literal is taken whole, with whatever its ${} hold.
const token =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`)|(?<regex>(?<=(?:^|[=(,:;[!&|?{}\n]|\breturn|=>)[ \t]*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])*\/[a-z]*)/g;

/** The text with comments blanked out; lines and columns stay. */
export function withoutComments(text: string): string {
  return once(commentless, text, () =>
    text.replace(token, (match, comment) => (comment === undefined ? match : blank(match))),
  );
}

/** The text with comments and the insides of strings and regular expressions blanked out; lines and columns stay. */
export function codeOnly(text: string): string {
  return once(bare, text, () => text.replace(token, blank));
}

// Every rule asks for every file again.
const commentless: Map<string, string> = new Map();
const bare: Map<string, string> = new Map();

function once(known: Map<string, string>, text: string, make: () => string): string {
  let made = known.get(text);
  if (made === undefined) {
    made = make();
    known.set(text, made);
  }
  return made;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

const importForms = [
  /\b(?:import|export)\b(?:\s+type\b)?[\w\s{},*$]*?\bfrom\s*["']([^"']+)["']/g,
  /\bimport\s*["']([^"']+)["']/g,
  /\bimport\s*\(\s*["']([^"']+)["']/g,
  /(?<!\.)\brequire\s*\(\s*["']([^"']+)["']/g,
];

/** The specifiers a file imports or re-exports from, `import type` and `import("...")` included. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  return importForms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ""));
}

/** The project path that a relative specifier in `path` names; undefined for a package. */
export function resolveImport(path: string, specifier: string): string | undefined {
  return specifier.startsWith(".")
    ? posix.normalize(posix.join(posix.dirname(path), specifier))
    : undefined;
}

/** "path:line: message" for each match of `pattern` (global) in `searched`, a text with the lines of the file. */
export function findings(
  path: string,
  searched: string,
  pattern: RegExp,
  message: string,
): string[] {
  return [...searched.matchAll(pattern)].map((match) => {
    const line = searched.slice(0, match.index).split("\n").length;
    return `${path}:${line}: ${message}: ${match[0].trim()}`;
  });
}
