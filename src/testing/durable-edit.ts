// Changes to a simulated disk from outside, as a test or another machine would make them: they are durable
// at once, and no effect on the same name is at risk any more.
import type { DiskState, Place } from "./disk-state.ts";
import { newFile } from "./inode.ts";
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

/** Makes the directories above `path` that are missing. */
export function makeParents(state: DiskState, path: string): void {
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
