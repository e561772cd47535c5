// The inodes of a simulated disk and the tree they form. It knows paths and effects; calls, faults and
// crash points are the business of SimulatedDisk.
import { type DiskProfile, diskProfiles } from "./disk-profile.ts";
import {
  applyEntryEffect,
  applyFileEffect,
  DirectoryNode,
  type EntryEffect,
  type FileEffect,
  FileNode,
  type Inode,
  isCovered,
  newDirectory,
  newFile,
  settle,
} from "./inode.ts";
import { partsOf } from "./simulated-path.ts";
import { writeBack } from "./write-back.ts";

const ROOT = 1;

export interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
}

/** A sync that a lying disk keeps to itself. */
interface HeldSync {
  readonly inode: number;
  readonly sequence: number;
}

/** What became of an effect: `forgotten` by a failed sync, so that it is readable and never durable. */
export interface Settled {
  readonly fate: "durable" | "forgotten";
  /** Number of the call that settled it. */
  readonly by: number;
}

type WithoutSequence<E> = E extends unknown ? Omit<E, "sequence"> : never;

export class DiskState {
  readonly nodes: Map<number, Inode> = new Map();
  nextInode: number = ROOT + 1;
  /** Number of the newest effect. */
  sequence = 0;
  /** Changes whenever the effects at risk do. */
  version = 0;
  /** Number of the call that runs. */
  call = -1;
  readonly profile: DiskProfile;
  /** Kept by a disk with a trace. */
  settled: Map<number, Settled> | undefined;
  #heldSyncs: HeldSync[] = [];

  constructor(profile: DiskProfile = diskProfiles.strict) {
    this.profile = profile;
  }

  get root(): DirectoryNode {
    return this.nodes.get(ROOT) as DirectoryNode;
  }

  static empty(profile: DiskProfile): DiskState {
    const state = new DiskState(profile);
    state.nodes.set(ROOT, newDirectory(ROOT));
    return state;
  }

  /** What is visible at `path`. */
  find(path: string): Inode | undefined {
    const parts = partsOf(path);
    return this.#follow(parts, parts.length);
  }

  #follow(parts: readonly string[], count: number): Inode | undefined {
    let node: Inode | undefined = this.root;
    for (let at = 0; at < count; at++) {
      if (node === undefined || node.kind === "file") return undefined;
      const child: number | undefined = node.visible.get(this.#spelled(node, parts[at] as string));
      node = child === undefined ? undefined : this.nodes.get(child);
    }
    return node;
  }

  /** The directory that holds, or would hold, the name at the end of `path`. */
  place(path: string): Place | undefined {
    const parts = partsOf(path);
    const name = parts.at(-1);
    const directory = this.#follow(parts, parts.length - 1);
    if (name === undefined || directory?.kind !== "directory") return undefined;
    return { directory, name: this.#spelled(directory, name) };
  }

  /** The name as the directory has it, where case does not count. */
  #spelled(directory: DirectoryNode, name: string): string {
    if (this.profile.caseSensitive || directory.visible.has(name)) return name;
    const folded = name.toLowerCase();
    for (const known of directory.visible.keys()) if (known.toLowerCase() === folded) return known;
    return name;
  }

  childAt(place: Place): Inode | undefined {
    const child = place.directory.visible.get(place.name);
    return child === undefined ? undefined : this.nodes.get(child);
  }

  changeFile(file: FileNode, change: WithoutSequence<FileEffect>): void {
    this.version += 1;
    const effect: FileEffect = { ...change, sequence: ++this.sequence };
    applyFileEffect(file.visible, effect);
    file.dirty.push(effect);
  }

  changeEntry(directory: DirectoryNode, change: WithoutSequence<EntryEffect>): void {
    this.version += 1;
    const effect: EntryEffect = { ...change, sequence: ++this.sequence };
    applyEntryEffect(directory.visible, effect);
    directory.dirty.push(effect);
  }

  /** Ends a sync that was called at `sequence` and succeeds: what it covers is durable, if the profile is honest. */
  endSync(node: Inode, sequence: number): void {
    const { syncLag, names } = this.profile;
    if (syncLag > 0) {
      this.#heldSyncs.push({ inode: node.number, sequence });
      if (this.#heldSyncs.length <= syncLag) return;
      const late = this.#heldSyncs.shift() as HeldSync;
      const held = this.nodes.get(late.inode);
      if (held !== undefined) this.settle(held, late.sequence, Number.POSITIVE_INFINITY);
      return;
    }
    if (names === "each") {
      this.settle(node, sequence, Number.POSITIVE_INFINITY);
      return;
    }
    if (node.kind === "directory") return;
    this.settle(node, sequence, Number.POSITIVE_INFINITY);
    for (const other of this.nodes.values()) {
      if (other.kind === "directory") this.settle(other, sequence, Number.POSITIVE_INFINITY);
    }
  }

  /** Ends a sync that fails: the first `count` effects it covers are durable, and the rest never will be. */
  failSync(node: Inode, sequence: number, count: number): void {
    this.settle(node, sequence, count);
    if (node.kind !== "file" || this.profile.failedSync === "keeps") return;
    node.visible = node.durable.clone();
    for (const effect of node.dirty) applyFileEffect(node.visible, effect);
  }

  /** Of the effects up to `sequence` the first `count` are durable, and the rest forgotten. */
  settle(node: Inode, sequence: number, count: number): void {
    this.version += 1;
    if (this.settled !== undefined) {
      let done = 0;
      for (const effect of node.dirty) {
        if (!isCovered(effect, sequence)) continue;
        const fate = done < count ? "durable" : "forgotten";
        this.settled.set(effect.sequence, { fate, by: this.call });
        done += 1;
      }
    }
    settle(node, sequence, count);
  }

  writeBack(nodes: readonly Inode[], chosen: ReadonlySet<number | undefined>): void {
    this.version += 1;
    for (const node of nodes) {
      for (const sequence of writeBack(node, (effect) => chosen.has(effect))) {
        this.settled?.set(sequence, { fate: "durable", by: this.call });
      }
    }
  }

  createFile(place: Place): FileNode {
    const file = newFile(this.nextInode++);
    file.links = 1;
    this.nodes.set(file.number, file);
    this.changeEntry(place.directory, { kind: "create", name: place.name, inode: file.number });
    return file;
  }

  createDirectory(place: Place): DirectoryNode {
    const made = newDirectory(this.nextInode++);
    this.nodes.set(made.number, made);
    this.changeEntry(place.directory, { kind: "create", name: place.name, inode: made.number });
    return made;
  }

  unlink(place: Place, file: FileNode): void {
    file.links -= 1;
    this.changeEntry(place.directory, { kind: "unlink", name: place.name, inode: file.number });
  }

  rename(from: Place, to: Place, node: Inode): void {
    const replaced = this.childAt(to);
    if (replaced === node) return;
    if (replaced?.kind === "file") replaced.links -= 1;
    const inode = node.number;
    if (from.directory === to.directory) {
      this.changeEntry(from.directory, { kind: "rename", name: from.name, to: to.name, inode });
      return;
    }
    // Across directories it is two changes, and a crash may keep either.
    this.changeEntry(to.directory, { kind: "create", name: to.name, inode });
    this.changeEntry(from.directory, { kind: "unlink", name: from.name, inode });
  }

  /** Space that visible and still open files take. */
  allocatedBytes(): number {
    let bytes = 0;
    for (const node of this.nodes.values()) {
      if (node.kind === "file" && (node.links > 0 || node.openHandles > 0)) {
        bytes += node.visible.allocatedBytes;
      }
    }
    return bytes;
  }

  /** An independent copy, as after the death of every process: no handle is open on it. */
  clone(): DiskState {
    const copy = new DiskState(this.profile);
    copy.nextInode = this.nextInode;
    copy.sequence = this.sequence;
    copy.#heldSyncs = this.#heldSyncs.slice();
    for (const node of this.reachable()) copy.nodes.set(node.number, cloneNode(node));
    return copy;
  }

  /** Every inode that some name stands for, visible or after some crash. */
  reachable(): Inode[] {
    const seen = new Set<number>([ROOT]);
    const found: Inode[] = [this.root];
    for (let at = 0; at < found.length; at++) {
      const node = found[at] as Inode;
      if (node.kind === "file") continue;
      const add = (number: number): void => {
        const child = this.nodes.get(number);
        if (child === undefined || seen.has(number)) return;
        seen.add(number);
        found.push(child);
      };
      for (const number of node.visible.values()) add(number);
      for (const number of node.durable.values()) add(number);
      for (const effect of node.dirty) add(effect.inode);
    }
    return found;
  }
}

function cloneNode(node: Inode): Inode {
  if (node.kind === "file") {
    const copy = new FileNode(node.number, node.visible.clone(), node.durable.clone());
    copy.dirty = node.dirty.slice();
    copy.links = node.links;
    return copy;
  }
  const copy = new DirectoryNode(node.number, new Map(node.visible), new Map(node.durable));
  copy.dirty = node.dirty.slice();
  return copy;
}
