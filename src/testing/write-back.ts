// The background write-back of a kernel: effects that become durable although nobody asked.
import {
  applyEntryEffect,
  applyFileEffect,
  type EntryEffect,
  type FileEffect,
  type Inode,
} from "./inode.ts";

/**
 * Makes the effects that `isChosen` names durable, and those they lie upon: a cache that writes a page writes what is in
 * it. Returns the numbers of all of them.
 */
export function writeBack(node: Inode, isChosen: (sequence: number) => boolean): number[] {
  if (node.kind === "file") {
    const done = withGround(node.dirty, isChosen, touchBytes);
    for (const effect of done) applyFileEffect(node.durable, effect);
    node.dirty = node.dirty.filter((effect) => !done.includes(effect));
    return done.map(({ sequence }) => sequence);
  }
  const done = withGround(node.dirty, isChosen, touchNames);
  for (const effect of done) applyEntryEffect(node.durable, effect);
  node.dirty = node.dirty.filter((effect) => !done.includes(effect));
  return done.map(({ sequence }) => sequence);
}

function withGround<E extends { readonly sequence: number }>(
  dirty: readonly E[],
  isChosen: (sequence: number) => boolean,
  touch: (one: E, other: E) => boolean,
): E[] {
  const chosen: E[] = [];
  for (const effect of dirty.slice().reverse()) {
    if (isChosen(effect.sequence) || chosen.some((later) => touch(effect, later))) {
      chosen.unshift(effect);
    }
  }
  return chosen;
}

function touchBytes(one: FileEffect, other: FileEffect): boolean {
  if (one.kind === "truncate" || other.kind === "truncate") return true;
  return (
    one.offset < other.offset + other.bytes.length && other.offset < one.offset + one.bytes.length
  );
}

function touchNames(one: EntryEffect, other: EntryEffect): boolean {
  const names = [one.name, one.to];
  return names.some((name) => name !== undefined && (name === other.name || name === other.to));
}
