// Gives child processes and worker threads the sources as JavaScript, which this Node can load.
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { patched } from "../mutants/mutant.ts";
import { mutants } from "../mutants/mutants.ts";

const source = path.resolve(import.meta.dirname, "../../src");
const modules = path.resolve(import.meta.dirname, "../../node_modules");

export interface Transpiled {
  /** The URL of a module, such as `disk/node-disk`. */
  url(module: string): string;
  dispose(): Promise<void>;
}

export function transpileFloor0(): Promise<Transpiled> {
  return transpileFolders(["disk", "codec"]);
}

/** The folders of src that are named; they must hold all that they import. */
export async function transpileFolders(folders: readonly string[]): Promise<Transpiled> {
  const target = await mkdtemp(path.join(tmpdir(), "varve-js-"));
  await writeFile(path.join(target, "package.json"), '{ "type": "module" }');
  await symlink(modules, path.join(target, "node_modules"), "junction");
  for (const folder of folders) {
    await mkdir(path.join(target, folder));
    const entries = await readdir(path.join(source, folder), { recursive: true });
    // A folder is listed before what it has.
    for (const name of entries.sort()) {
      const found = await stat(path.join(source, folder, name));
      if (found.isDirectory()) await mkdir(path.join(target, folder, name));
      else if (name.endsWith(".ts")) await transpile(path.join(folder, name), target);
      else await cp(path.join(source, folder, name), path.join(target, folder, name));
    }
  }
  return {
    url: (module) => new URL(`file://${target}/${module}.js`).href,
    dispose: () => rm(target, { recursive: true, force: true }),
  };
}

async function transpile(file: string, target: string): Promise<void> {
  const text = seeded(`src/${file}`, await readFile(path.join(source, file), "utf8"));
  await writeFile(path.join(target, file.replace(/\.ts$/, ".js")), javascriptOf(text));
}

/** By source: the files of a process ask for much the same. */
const transpiled: Map<string, string> = new Map();

function javascriptOf(text: string): string {
  const known = transpiled.get(text);
  if (known !== undefined) return known;
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  transpiled.set(text, outputText);
  return outputText;
}

/** With the bug in it that VARVE_MUTANT names. */
function seeded(file: string, text: string): string {
  const name = process.env["VARVE_MUTANT"];
  const mutant = mutants.find((one) => one.name === name && one.file === file);
  return mutant === undefined ? text : patched(mutant, text);
}
