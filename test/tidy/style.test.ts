// The rules of style that a machine can hold. Each rule is a pure function over one file, with planted violations
// that show it can fail; words that a rule looks for are put together here, so that this file breaks none.
import { describe, expect, it } from "vitest";
import { codeOnly, findings, projectFiles, type SourceFile } from "./source-text.ts";

type Rule = (file: SourceFile) => string[];

const linesMax = 400;
const toDo = ["TO", "DO"].join("");
const fixMe = ["FIX", "ME"].join("");
const tripleX = "X".repeat(3);
const silencer = ["@ts-", "ignore"].join("");

const notTooLong: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split("\n").length;
  return lines > linesMax ? [`${path}: ${lines} lines, at most ${linesMax}`] : [];
};

/** The comment a file begins with (behind a shebang), its marks taken away. */
function openingComment(text: string): string {
  const [opening = ""] =
    text.replace(/^#![^\n]*\n/, "").match(/^(?:(?:\/\/[^\n]*\n?)+|\/\*[\s\S]*?\*\/)/) ?? [];
  return opening
    .replace(/^\s*(?:\/\/|\/\*+|\*\/|\*)/gm, " ")
    .replace(/\*\//g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

const beginsWithSentence: Rule = ({ path, text }) =>
  /^.{15,}?[.:](?: |$)/.test(openingComment(text))
    ? []
    : [`${path}: begins with no comment that says what the file owns`];

const nothingUnfinished: Rule = ({ path, text }) =>
  findings(path, text, new RegExp(`\\b(?:${toDo}|${fixMe}|${tripleX})\\b`, "g"), "unfinished");

const nothingSilenced: Rule = ({ path, text }) =>
  findings(path, text, /@ts-(?:ignore|nocheck)\b|\bbiome-ignore\b/g, "silences a check");

const noAny: Rule = ({ path, text }) =>
  findings(path, codeOnly(text), /(?:\bas|:|<|,|\|)\s*any\b(?!\s*[:(.])/g, "any is no type");

const noConsole: Rule = ({ path, text }) =>
  findings(path, codeOnly(text), /\bconsole\s*\./g, "prints");

const noTestLeftOut: Rule = ({ path, text }) =>
  findings(
    path,
    codeOnly(text),
    /\b(?:it|test|describe)(?:\.\w+)*\.(?:only|skip|todo|skipIf|runIf)\b/g,
    "leaves tests out",
  );

const kebabCase: Rule = ({ path }) =>
  /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(path.split("/").at(-1) ?? "")
    ? []
    : [`${path}: the name is not kebab-case`];

const oneTitle: Rule = ({ path, text }) => {
  const prose = text.replace(/^(`{3,}|~{3,})[\s\S]*?^\1/gm, "");
  const titles = prose.match(/^# \S/gm)?.length ?? 0;
  return titles === 1 ? [] : [`${path}: ${titles} titles (# ...), exactly one is wanted`];
};

const noMachinePath: Rule = ({ path, text }) =>
  findings(path, text, /(?<![\w./-])\/(?:work|root|home)\/[\w.-]*/g, "path of one machine");

const code = projectFiles(["src", "test", "bench", "scripts", "examples"], /\.(?:ts|js)$/);
const sources = code.filter((file) => file.path.startsWith("src/"));
const typed = code.filter((file) => file.path.endsWith(".ts"));
const tested = code.filter((file) => /^(?:src|test)\//.test(file.path));
const documents = projectFiles(["."], /\.md$/);
const texts = projectFiles(["."], /(?:\.(?:ts|js|json|md|csv|txt|ya?ml|sh)|\/run|^[A-Z]+)$/);

const rules: readonly [string, Rule, readonly SourceFile[], SourceFile][] = [
  ["no file is too long", notTooLong, code, planted("a.ts", "x\n".repeat(linesMax + 1))],
  ["every file begins with its sentence", beginsWithSentence, code, planted("a.ts", "let x;")],
  ["nothing is left unfinished", nothingUnfinished, code, planted("a.ts", `// ${toDo}: later`)],
  ["no check is silenced", nothingSilenced, code, planted("a.ts", `// ${silencer}`)],
  ["any is used nowhere", noAny, typed, planted("a.ts", "let x: any;")],
  ["nothing is printed by the library", noConsole, tested, planted("a.ts", "console.log(1)")],
  ["no test is left out", noTestLeftOut, code, planted("a.test.ts", "it.only('x', f)")],
  ["file names are kebab-case", kebabCase, code, planted("src/BadName.ts", "")],
  ["each document has one title", oneTitle, documents, planted("a.md", "# One\n\n# Two\n")],
  ["no path of one machine is named", noMachinePath, texts, planted("a.md", `see ${root("x")}`)],
];

function planted(path: string, text: string): SourceFile {
  return { path, text };
}

function root(name: string): string {
  return ["", "work", name].join("/");
}

describe("style", () => {
  it("has files to look at", () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(texts.length).toBeGreaterThan(code.length);
  });

  it.each(rules)("%s", (_title, rule, files) => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  it.each(rules)("catches it where it is not so: %s", (_title, rule, _files, violation) => {
    expect(rule(violation)).toHaveLength(1);
  });
});

describe("single rules", () => {
  it("count the lines exactly", () => {
    expect(notTooLong(planted("a.ts", "x\n".repeat(linesMax)))).toEqual([]);
  });

  it("want a sentence, not just any comment", () => {
    expect(beginsWithSentence(planted("a.ts", "// helpers\nlet x;"))).toHaveLength(1);
    expect(beginsWithSentence(planted("a.ts", "// Owns the frames,\n// all of them.\n"))).toEqual(
      [],
    );
    expect(
      beginsWithSentence(planted("a.js", "#!/usr/bin/env node\n/** Runs the command. */")),
    ).toEqual([]);
  });

  it("see any as a cast, as an argument of a type, and not as a word or a name", () => {
    expect(noAny(planted("a.ts", "f(x as any); let y: Map<string, any>;"))).toHaveLength(2);
    expect(
      noAny(planted("a.ts", "// a list: any of it\nfc.oneof(a, any()); ({ any: 1 });")),
    ).toEqual([]);
  });

  it("see a skipped test, and not a method of ours nor a string", () => {
    expect(noTestLeftOut(planted("a.ts", "reader.skip(4)"))).toEqual([]);
    expect(noTestLeftOut(planted("a.ts", "describe.skip('x', f)"))).toHaveLength(1);
    expect(noTestLeftOut(planted("a.ts", '"it.only(x)"'))).toEqual([]);
  });

  it("pass over a comment in a fenced block of a document", () => {
    expect(oneTitle(planted("a.md", "# One\n\n```sh\n# not a title\n```\n"))).toEqual([]);
    expect(oneTitle(planted("a.md", "no title\n"))).toHaveLength(1);
  });

  it("take an address on the web for no machine path", () => {
    expect(noMachinePath(planted("a.md", "https://example.org/home/page"))).toEqual([]);
    expect(noMachinePath(planted("a.md", `cd ${root("main")}/src`))).toHaveLength(1);
  });
});
