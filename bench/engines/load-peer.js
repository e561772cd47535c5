// Loads an engine from bench/peers, where its packages are installed apart from the project's own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const peers = new URL("../peers/", import.meta.url);
const require = createRequire(new URL("package.json", peers));

/** The module of a peer; rejects where it is not installed or its native part does not load. */
export function loadPeer(name) {
  return import(pathToFileURL(require.resolve(name)).href);
}

/** The version of a peer as installed. */
export function peerVersion(name) {
  const file = new URL(`node_modules/${name}/package.json`, peers);
  return JSON.parse(readFileSync(file, "utf8")).version;
}
