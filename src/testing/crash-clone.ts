// Makes the disk that a power cut leaves: the durable images, plus what a survival says of the effects
// at risk. The disk it is made from is not touched.
import { DiskState } from "./disk-state.ts";
import {
  applyEntryEffect,
  applyFileEffect,
  DirectoryNode,
  type EntryEffect,
  type FileEffect,
  FileNode,
  type Inode,
  type WriteEffect,
} from "./inode.ts";
import type { PageImage } from "./page-image.ts";
import { SimulatedRandom } from "./simulated-random.ts";
import { type DirtyEffect, type Outcome, pieceCount } from "./survival.ts";
import { applySingly, damageSectors, growStale } from "./torn-write.ts";

type NodeEffect =
  | { readonly node: FileNode; readonly effect: FileEffect }
  | { readonly node: DirectoryNode; readonly effect: EntryEffect };

/** The effects at risk in one version of a disk, in order, and the inodes they may concern. */
export interface AtRisk {
  readonly version: number;
  readonly nodes: readonly Inode[];
  readonly effects: readonly NodeEffect[];
  readonly views: readonly DirtyEffect[];
}

export function effectsAtRisk(state: DiskState): AtRisk {
  const nodes = state.reachable();
  const effects: NodeEffect[] = [];
  for (const node of nodes) {
    if (node.kind === "file") for (const effect of node.dirty) effects.push({ node, effect });
    else for (const effect of node.dirty) effects.push({ node, effect });
  }
  effects.sort((one, other) => one.effect.sequence - other.effect.sequence);
  const paths = pathsOf(nodes);
  const views = effects.map((item, index) => viewOf(item, index, paths));
  return { version: state.version, nodes, effects, views };
}

function viewOf(item: NodeEffect, index: number, paths: Map<number, string>): DirtyEffect {
  const path = paths.get(item.node.number) ?? "";
  const { effect } = item;
  switch (effect.kind) {
    case "write": {
      const { offset, bytes } = effect;
      return { index, target: "file", kind: "write", path, offset, length: bytes.length };
    }
    case "truncate":
      return { index, target: "file", kind: "truncate", path, offset: effect.size, length: 0 };
    default: {
      const name = `${path}/${effect.name}`;
      return { index, target: "directory", kind: effect.kind, path: name, offset: 0, length: 0 };
    }
  }
}

// Parents come before their children in the list; a name that is seen wins over one that only a crash
// would bring back.
function pathsOf(nodes: readonly Inode[]): Map<number, string> {
  const paths = new Map<number, string>([[nodes[0]?.number ?? 0, ""]]);
  for (const node of nodes) {
    if (node.kind === "file") continue;
    const base = paths.get(node.number) ?? "";
    const add = (name: string, inode: number): void => {
      if (!paths.has(inode)) paths.set(inode, `${base}/${name}`);
    };
    for (const [name, inode] of node.visible) add(name, inode);
    for (const [name, inode] of node.durable) add(name, inode);
    for (const effect of node.dirty) add(effect.to ?? effect.name, effect.inode);
  }
  return paths;
}

/** `outcomes` holds one for each of `risk.effects`. */
export function cutState(state: DiskState, risk: AtRisk, outcomes: readonly Outcome[]): DiskState {
  const images = new Map<number, PageImage>();
  const entries = new Map<number, Map<string, number>>();
  for (const node of risk.nodes) {
    if (node.kind === "file") images.set(node.number, node.durable.clone());
    else entries.set(node.number, new Map(node.durable));
  }
  risk.effects.forEach((item, index) => {
    const outcome = outcomes[index] ?? "kept";
    if (outcome === "lost") return;
    if (item.node.kind === "directory") {
      const names = entries.get(item.node.number) as Map<string, number>;
      applyNames(names, item.effect as EntryEffect, outcome);
    } else {
      const image = images.get(item.node.number) as PageImage;
      applyOutcome(image, item.effect as FileEffect, outcome, () => oldBlocks(state, item.node));
    }
  });
  return assemble(state, images, entries);
}

// Only what the surviving names reach exists on the new disk.
function assemble(
  state: DiskState,
  images: Map<number, PageImage>,
  entries: Map<number, Map<string, number>>,
): DiskState {
  const cut = new DiskState(state.profile);
  cut.nextInode = state.nextInode;
  cut.sequence = state.sequence;
  const add = (number: number): void => {
    const known = cut.nodes.get(number);
    if (known !== undefined) {
      if (known.kind === "file") known.links += 1;
      return;
    }
    const image = images.get(number);
    if (image !== undefined) {
      const file = new FileNode(number, image, image.clone());
      file.links = 1;
      cut.nodes.set(number, file);
      return;
    }
    const names = entries.get(number) ?? new Map<string, number>();
    cut.nodes.set(number, new DirectoryNode(number, names, new Map(names)));
    for (const child of names.values()) add(child);
  };
  add(state.root.number);
  return cut;
}

function applyNames(names: Map<string, number>, effect: EntryEffect, outcome: Outcome): void {
  applyEntryEffect(names, effect);
  if (effect.kind !== "rename") return;
  if (outcome === "both") names.set(effect.name, effect.inode);
  if (outcome === "neither") names.delete(effect.to ?? effect.name);
}

function applyOutcome(
  image: PageImage,
  effect: FileEffect,
  outcome: Outcome,
  blocks: () => PageImage[],
): void {
  if (effect.kind !== "write" || typeof outcome === "string") {
    applyFileEffect(image, effect);
    return;
  }
  const { offset, bytes } = effect;
  const end = offset + bytes.length;
  switch (outcome.kind) {
    case "torn": {
      const cut = Math.min(outcome.bytes, bytes.length);
      if (outcome.keep === "prefix") image.write(bytes.subarray(0, cut), offset);
      else image.write(bytes.subarray(cut), offset + cut);
      return;
    }
    case "length":
      if (end > image.size) image.truncate(end);
      return;
    case "stale":
      growStale(image, end, blocks(), new SimulatedRandom(outcome.seed));
      return;
    case "garbage":
      image.write(new SimulatedRandom(outcome.seed).bytes(bytes.length), offset);
      return;
    case "sector":
      damageSectors(image, effect, new SimulatedRandom(outcome.seed));
      return;
    case "bytes":
      applySingly(image, effect, outcome.keptPercent, new SimulatedRandom(outcome.seed));
      return;
    default:
      applyPieces(image, effect, outcome);
  }
}

function applyPieces(
  image: PageImage,
  { offset, bytes }: WriteEffect,
  { unitBytes, pieces, seed }: Extract<Outcome, { kind: "pieces" }>,
): void {
  const count = pieceCount(offset, bytes.length, unitBytes);
  const random = new SimulatedRandom(seed);
  const firstUnit = Math.floor(offset / unitBytes);
  for (let piece = 0; piece < count; piece++) {
    const start = Math.max(offset, (firstUnit + piece) * unitBytes);
    const end = Math.min(offset + bytes.length, (firstUnit + piece + 1) * unitBytes);
    const part = bytes.subarray(start - offset, end - offset);
    // Drawn for every piece, so that taming one leaves the others as they were.
    const pieceSeed = random.u32();
    const cut = pieceSeed % (part.length + 1);
    const letter = pieces[piece] ?? "k";
    if (letter === "k") image.write(part, start);
    else if (letter === "p") image.write(part.subarray(0, cut), start);
    else if (letter === "s") image.write(part.subarray(cut), start + cut);
    else if (letter === "g") image.write(new SimulatedRandom(pieceSeed).bytes(part.length), start);
  }
}

// What lies in blocks that other files have or had: frames and pages with checksums that are right.
function oldBlocks(state: DiskState, self: Inode): PageImage[] {
  const images: PageImage[] = [];
  for (const node of state.nodes.values()) {
    if (node.kind === "file" && node !== self && node.visible.size > 0) images.push(node.visible);
  }
  return images;
}
