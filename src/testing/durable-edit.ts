// Changes to a simulated disk from outside, as a test or another machine would make them: they are durable
// at once, and no effect on the same name is at risk any more.
import type { DiskState, Place } from "./disk-state.ts";
import { type DirectoryNode, newFile } from "./inode.ts";
import { PageImage } from "./page-image.ts";
import { basenamePath, dirnamePath, partsOf } from "./simulated-path.ts";

export function putDurable(state: DiskState, place: Place, bytes: Uint8Array): void {
  const known = state.childAt(place);
  if (known?.kind === "directory") throw new TypeError(`a directory has the name ${place.name}`);
  const file = known ?? newFile(state.nextInode++);
  const image = new PageImage();
  image.write(bytes, 0);
  file.visible = image;
  file.durable = image.clone();
  file.dirty = [];
  file.links = 1;
  state.nodes.set(file.number, file);
  setDurable(state, place, file.number);
}

export function removeDurable(state: DiskState, place: Place): void {
  const node = state.childAt(place);
  if (node?.kind === "file") node.links = 0;
  forgetName(place);
  place.directory.visible.delete(place.name);
  place.directory.durable.delete(place.name);
  state.version += 1;
}

/** Replaces a file's content, or makes the file and its directories. */
export function writeDurable(state: DiskState, path: string, bytes: Uint8Array): void {
  makeParents(state, path);
  const place = state.place(path);
  if (place === undefined) throw new TypeError(`writeFile: not in a directory: ${path}`);
  putDurable(state, place, bytes);
}

export function removeDurableFile(state: DiskState, path: string): void {
  const place = state.place(path);
  if (place === undefined || state.childAt(place)?.kind !== "file") {
    throw new TypeError(`removeFile: no file at ${path}`);
  }
  removeDurable(state, place);
}

/** The paths of all visible files, in order. */
export function visibleFiles(state: DiskState): string[] {
  const found: string[] = [];
  const walk = (directory: DirectoryNode, base: string): void => {
    for (const [name, number] of directory.visible) {
      const node = state.nodes.get(number);
      if (node?.kind === "directory") walk(node, `${base}/${name}`);
      else found.push(`${base}/${name}`);
    }
  };
  walk(state.root, "");
  return found.sort();
}

/** Makes the directories above `path` that are missing. */
function makeParents(state: DiskState, path: string): void {
  const parts = partsOf(dirnamePath(path));
  for (let depth = 1; depth <= parts.length; depth++) {
    const parent = `/${parts.slice(0, depth).join("/")}`;
    if (state.find(parent) !== undefined) continue;
    const place = state.place(parent);
    if (place === undefined) throw new TypeError(`not in a directory: ${path}`);
    setDurable(
      state,
      { ...place, name: basenamePath(parent) },
      state.createDirectory(place).number,
    );
  }
}

function setDurable(state: DiskState, place: Place, inode: number): void {
  forgetName(place);
  place.directory.visible.set(place.name, inode);
  place.directory.durable.set(place.name, inode);
  state.version += 1;
}

// What a crash would have made of the effects on this name is decided.
function forgetName({ directory, name }: Place): void {
  directory.dirty = directory.dirty.filter((effect) => effect.name !== name && effect.to !== name);
}
