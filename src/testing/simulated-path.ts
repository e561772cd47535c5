// Paths of the simulated disk: absolute, with `/`, on every platform.

const PLAIN = /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/;

/** The absolute form, without empty parts, `.` and `..`; relative paths start at the root. */
export function resolvePath(path: string): string {
  if (PLAIN.test(path)) return path;
  return `/${partsOf(path).join("/")}`;
}

export function joinPath(...parts: string[]): string {
  const joined = parts.filter((part) => part !== "").join("/");
  if (PLAIN.test(joined)) return joined;
  const resolved = partsOf(joined).join("/");
  return joined.startsWith("/") ? `/${resolved}` : resolved || ".";
}

export function dirnamePath(path: string): string {
  const resolved = resolvePath(path);
  return resolved.slice(0, resolved.lastIndexOf("/")) || "/";
}

export function basenamePath(path: string): string {
  const resolved = resolvePath(path);
  return resolved.slice(resolved.lastIndexOf("/") + 1);
}

/** So many paths are kept in their parts: a disk is asked for the same few all the time. */
const splitMax = 1000;
const split: Map<string, readonly string[]> = new Map();

/** The names from the root down. */
export function partsOf(path: string): readonly string[] {
  const known = split.get(path);
  if (known !== undefined) return known;
  const parts = PLAIN.test(path) ? path.slice(1).split("/") : resolvedParts(path);
  if (split.size >= splitMax) split.clear();
  split.set(path, parts);
  return parts;
}

function resolvedParts(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}
