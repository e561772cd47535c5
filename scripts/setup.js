// The set-up every script shares: packages installed and matching package-lock.json, before anything of them is
// imported. Uses only Node's own modules, so that it runs on a fresh clone.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a command in the project, its output shown as it comes; returns its exit code. */
export function run(command, args, { cwd = projectRoot, env = {} } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: "inherit",
    env: { ...process.env, ...env },
    shell: process.platform === "win32" && command === "npm",
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** Runs a JavaScript tool of an installed package (its bin file) with this very Node. */
export function runTool(packageName, binFile, args, options) {
  return run(
    process.execPath,
    [join(projectRoot, "node_modules", packageName, binFile), ...args],
    options,
  );
}

/** Installs the packages unless those in `directory` are already the locked ones; exits where that fails. */
export function setUp(directory = projectRoot) {
  const { major, minor } = nodeVersion();
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node 20.19 or newer is needed; this is ${process.version}.`);
    process.exit(1);
  }
  if (installedAsLocked(directory)) return;
  const locked = readJson(join(directory, "package-lock.json")) !== undefined;
  console.log(`Installing packages (npm ${locked ? "ci" : "install"})`);
  const status = run("npm", [locked ? "ci" : "install", "--no-audit", "--no-fund"], {
    cwd: directory,
  });
  if (status !== 0) process.exit(status);
}

function nodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return { major, minor };
}

// npm keeps what it really installed in node_modules/.package-lock.json. Comparing contents, not times, survives
// a checkout that touches package-lock.json. Optional packages may be missing: they are for other systems.
function installedAsLocked(directory) {
  const locked = readJson(join(directory, "package-lock.json"));
  const installed = readJson(join(directory, "node_modules", ".package-lock.json"));
  if (locked === undefined || installed === undefined) return false;
  return Object.entries(locked.packages).every(([path, wanted]) => {
    const found = installed.packages[path];
    if (path === "") return true;
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
