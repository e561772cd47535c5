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

/** The names from the root down. */
export function partsOf(path: string): string[] {
  if (PLAIN.test(path)) return path.slice(1).split("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}
