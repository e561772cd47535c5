// What a simulated disk keeps of one file or directory: the image everybody sees, the image that would
// survive a power cut, and the effects in between, in the order in which they happened.
import { PageImage } from "./page-image.ts";

export interface WriteEffect {
  readonly kind: "write";
  /** Order of all effects of a disk. */
  readonly sequence: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface TruncateEffect {
  readonly kind: "truncate";
  readonly sequence: number;
  readonly size: number;
}

export type FileEffect = WriteEffect | TruncateEffect;

/** A change of one directory's names. `inode` is the file or directory the name stands for. */
export interface EntryEffect {
  readonly kind: "create" | "unlink" | "rename";
  readonly sequence: number;
  readonly name: string;
  /** The new name, of a rename within this directory. */
  readonly to?: string;
  readonly inode: number;
}

export class FileNode {
  readonly kind = "file";
  readonly number: number;
  visible: PageImage;
  durable: PageImage;
  /** Completed and neither synced nor lost by a failed sync. */
  dirty: FileEffect[] = [];
  /** Names in visible directories. */
  links = 0;
  openHandles = 0;

  constructor(number: number, visible: PageImage, durable: PageImage) {
    this.number = number;
    this.visible = visible;
    this.durable = durable;
  }
}

export class DirectoryNode {
  readonly kind = "directory";
  readonly number: number;
  visible: Map<string, number>;
  durable: Map<string, number>;
  dirty: EntryEffect[] = [];

  constructor(number: number, visible: Map<string, number>, durable: Map<string, number>) {
    this.number = number;
    this.visible = visible;
    this.durable = durable;
  }
}

export type Inode = FileNode | DirectoryNode;

export function newFile(number: number): FileNode {
  return new FileNode(number, new PageImage(), new PageImage());
}

export function newDirectory(number: number): DirectoryNode {
  return new DirectoryNode(number, new Map(), new Map());
}

export function applyFileEffect(image: PageImage, effect: FileEffect): void {
  if (effect.kind === "write") image.adopt(effect.bytes, effect.offset);
  else image.truncate(effect.size);
}

export function applyEntryEffect(entries: Map<string, number>, effect: EntryEffect): void {
  if (effect.kind === "create") {
    entries.set(effect.name, effect.inode);
    return;
  }
  // A name that by now stands for another file is not this effect's to remove.
  if (entries.get(effect.name) === effect.inode) entries.delete(effect.name);
  if (effect.kind === "rename") entries.set(effect.to ?? effect.name, effect.inode);
}

/**
 * Makes the first `count` of the effects up to `sequence` durable and forgets the rest of them: those
 * stay visible, and no later sync will write them. A sync that succeeds passes them all.
 */
export function settle(node: Inode, sequence: number, count: number): void {
  if (node.kind === "file") {
    for (const effect of covered(node.dirty, sequence).slice(0, count)) {
      applyFileEffect(node.durable, effect);
    }
    node.dirty = node.dirty.filter((effect) => effect.sequence > sequence);
    return;
  }
  for (const effect of covered(node.dirty, sequence).slice(0, count)) {
    applyEntryEffect(node.durable, effect);
  }
  node.dirty = node.dirty.filter((effect) => effect.sequence > sequence);
}

function covered<E extends { readonly sequence: number }>(dirty: E[], sequence: number): E[] {
  return dirty.filter((effect) => isCovered(effect, sequence));
}

/** Whether a sync that was called at `sequence` is about an effect. */
export function isCovered(effect: { readonly sequence: number }, sequence: number): boolean {
  return effect.sequence <= sequence;
}

/** How many effects a sync up to `sequence` covers. */
export function coveredCount(node: Inode, sequence: number): number {
  let count = 0;
  for (const effect of node.dirty) if (isCovered(effect, sequence)) count += 1;
  return count;
}
