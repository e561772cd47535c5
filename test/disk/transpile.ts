// Gives child processes and worker threads the ground floor as JavaScript, which this Node can load.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";

const source = path.resolve(import.meta.dirname, "../../src");

export interface Transpiled {
  /** The URL of a module, such as `disk/node-disk`. */
  url(module: string): string;
  dispose(): Promise<void>;
}

export async function transpileFloor0(): Promise<Transpiled> {
  const target = await mkdtemp(path.join(tmpdir(), "varve-js-"));
  await writeFile(path.join(target, "package.json"), '{ "type": "module" }');
  for (const folder of ["disk", "codec"]) {
    await mkdir(path.join(target, folder));
    for (const name of await readdir(path.join(source, folder))) {
      if (name.endsWith(".ts")) await transpile(path.join(folder, name), target);
      else await cp(path.join(source, folder, name), path.join(target, folder, name));
    }
  }
  return {
    url: (module) => new URL(`file://${target}/${module}.js`).href,
    dispose: () => rm(target, { recursive: true, force: true }),
  };
}

async function transpile(file: string, target: string): Promise<void> {
  const text = await readFile(path.join(source, file), "utf8");
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  await writeFile(path.join(target, file.replace(/\.ts$/, ".js")), outputText);
}
