// What damage without an error does to one read or write of a simulated file.
import type { DamageEffect } from "./faults.ts";
import type { FileNode } from "./inode.ts";
import type { PageImage } from "./page-image.ts";

const misdirectedBytes = 4096;

export interface LandedWrite {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** What reaches the file, and where; undefined where nothing does. */
export function damagedWrite(
  { damage, amount = 0 }: DamageEffect,
  bytes: Uint8Array,
  position: number,
): LandedWrite | undefined {
  switch (damage) {
    case "stale":
      return undefined;
    case "zero":
      return { bytes: new Uint8Array(bytes.length), position };
    case "misdirect":
      return { bytes, position: position + (amount || misdirectedBytes) };
    default: {
      const rotten = new Uint8Array(bytes);
      flipBit(rotten, amount);
      return { bytes: rotten, position };
    }
  }
}

/** Reads what a damaged medium gives. Rot and zeros stay on it. */
export function damagedRead(
  node: FileNode,
  { damage, amount = 0 }: DamageEffect,
  into: Uint8Array,
  position: number,
): number {
  if (damage === "stale") return node.durable.read(into, position);
  if (damage === "misdirect") {
    const count = Math.min(into.length, Math.max(0, node.visible.size - position));
    const elsewhere = into.subarray(0, count);
    elsewhere.fill(0);
    node.visible.read(elsewhere, position + (amount || misdirectedBytes));
    return count;
  }
  const length = Math.min(into.length, Math.max(0, node.visible.size - position));
  for (const image of [node.durable, node.visible]) {
    harm(image, damage, amount, position, length);
  }
  return node.visible.read(into, position);
}

function harm(
  image: PageImage,
  damage: "rot" | "zero",
  bit: number,
  position: number,
  length: number,
): void {
  const there = Math.min(length, Math.max(0, image.size - position));
  if (there === 0) return;
  const bytes = new Uint8Array(there);
  if (damage === "rot") {
    image.read(bytes, position);
    if (Math.floor((bit % (8 * length)) / 8) >= there) return;
    flipBit(bytes, bit % (8 * length));
  }
  image.write(bytes, position);
}

function flipBit(bytes: Uint8Array, bit: number): void {
  if (bytes.length === 0) return;
  const at = bit % (8 * bytes.length);
  bytes[at >> 3] = (bytes[at >> 3] as number) ^ (1 << (at & 7));
}
