// The package as its users get it: packed, installed into an empty project, imported, compiled against, and its
// command run. Slow, and worth it: nothing else sees a wrong "exports", a missing file or a lost executable bit.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const minutes = 60_000;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; a non-zero exit rejects with all that it printed. */
async function run(cwd: string, command: string, ...args: string[]): Promise<Output> {
  try {
    return await promisify(execFile)(command, args, { cwd, maxBuffer: 64 * 2 ** 20 });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as Partial<Output>;
    throw new Error(`${[command, ...args].join(" ")} failed\n${stdout}\n${stderr}`, {
      cause: error,
    });
  }
}

function runTool(cwd: string, bin: string, ...args: string[]): Promise<Output> {
  return run(cwd, process.execPath, join(projectRoot, "node_modules", bin), ...args);
}

const program = `
import { open, VarveError } from "varve";
const db = await open("social.varve");
try {
  await db.transact((tx) => {
    tx.putNode("ada", { labels: ["Person"], props: { name: "Ada" } });
    tx.putNode("bob");
    tx.addEdge("ada", "KNOWS", "bob", { since: 1843 });
  });
} finally {
  await db.close();
}
const again = await open("social.varve", { create: false });
try {
  console.log(JSON.stringify([again.node("ada").props, [...again.neighbors("ada")], typeof VarveError]));
} finally {
  await again.close();
}
`;

const typedProgram = `
import { open, VarveError, type VarveErrorCode } from "varve";
import * as testing from "varve/testing";

export async function degree(path: string, key: string): Promise<number> {
  const db = await open(path, { create: false, durability: "os" });
  try {
    const receipt = await db.transact((tx) => tx.addEdge(key, "KNOWS", key, { since: 1843 }));
    const edgeId: number = receipt.result;
    const ids: Uint32Array = db.neighborIds(db.nodeId(key) ?? 0);
    for await (const batch of db.changes({ from: 1, live: false })) {
      for (const change of batch.changes) if (change.kind === "node.put") return change.lsn;
    }
    return db.degree(key) + ids.length + edgeId;
  } finally {
    await db.close();
  }
}

export function codeOf(error: unknown): VarveErrorCode | undefined {
  return error instanceof VarveError ? error.code : undefined;
}

export const kit: object = testing;
`;

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2022"],
  module: "NodeNext",
  moduleResolution: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: false,
  types: ["node"],
};

describe("the packed package", () => {
  let folder = "";
  let tarball = "";
  let project = "";

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "varve-package-")));
    project = join(folder, "project");
    await mkdir(project);
    await run(projectRoot, process.execPath, "scripts/build.js", "--if-stale");
    await run(projectRoot, "npm", "pack", "--ignore-scripts", "--pack-destination", folder);
    tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith(".tgz")) ?? "");
    await writeFile(
      join(project, "package.json"),
      JSON.stringify({ name: "user", private: true, type: "module" }),
    );
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts"];
    await run(project, "npm", "install", "--prefer-offline", ...flags, tarball);
  }, 5 * minutes);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("holds what users need and nothing of the workshop", async () => {
    const { stdout } = await run(folder, "tar", "-tzf", tarball);
    const files = stdout.trim().split("\n");
    const wanted = ["dist/varve.js", "dist/varve.d.ts", "dist/cli/main.js", "LICENSE", "NOTICE"];
    expect(files).toEqual(expect.arrayContaining(wanted.map((file) => `package/${file}`)));
    expect(
      files.filter((file) => /^package\/(?:src|test|bench|scripts|examples)\//.test(file)),
    ).toEqual([]);
  });

  it("brings no native code and no install script", async () => {
    const lock = await readFile(join(project, "package-lock.json"), "utf8");
    const { packages } = JSON.parse(lock) as { packages: Record<string, object> };
    const scripted = Object.keys(packages).filter((path) => "hasInstallScript" in packages[path]!);
    expect(scripted).toEqual([]);
  });

  it("is imported by name and keeps what it is told", { timeout: minutes }, async () => {
    await writeFile(join(project, "main.js"), program);
    const { stdout } = await run(project, process.execPath, "main.js");
    expect(JSON.parse(stdout)).toEqual([{ name: "Ada" }, ["bob"], "function"]);
  });

  it("gives its types to a strict NodeNext project", { timeout: 2 * minutes }, async () => {
    await writeFile(join(project, "main.ts"), typedProgram);
    await writeFile(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["main.ts"] }),
    );
    for (const name of ["@types/node", "undici-types"])
      await cp(join(projectRoot, "node_modules", name), join(project, "node_modules", name), {
        recursive: true,
      });
    await runTool(project, "typescript/bin/tsc", "-p", ".");
  });

  it("runs its command by name", { timeout: minutes }, async () => {
    const { version } = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8"));
    const { stdout } = await run(project, "npx", "--no-install", "varve", "--version");
    expect(stdout.trim()).toBe(version);
  });

  it("is found sound by publint", { timeout: minutes }, async () => {
    await runTool(folder, "publint/src/cli.js", "run", tarball, "--strict", "--level=warning");
  });

  it("resolves to the right types for every importer", { timeout: minutes }, async () => {
    await runTool(folder, "@arethetypeswrong/cli/dist/index.js", tarball, "--profile=esm-only");
  });
});
