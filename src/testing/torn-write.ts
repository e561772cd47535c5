// The harsher ways in which a power cut leaves a write: old blocks in the new length, damage to the rest of a sector,
// single bytes.
import type { WriteEffect } from "./inode.ts";
import { type PageImage, pageBytes } from "./page-image.ts";
import type { SimulatedRandom } from "./simulated-random.ts";

const sectorBytes = 512;

/** Lengthens a file to `end`; what is new shows, block by block, what another file holds at the same place or at its start. */
export function growStale(
  image: PageImage,
  end: number,
  others: readonly PageImage[],
  random: SimulatedRandom,
): void {
  const start = image.size;
  if (end <= start) return;
  image.truncate(end);
  for (let at = start; at < end; ) {
    const next = Math.min(end, at - (at % pageBytes) + pageBytes);
    const other = others[random.below(others.length)];
    const block = new Uint8Array(next - at);
    if (other !== undefined && other.read(block, at) === 0) other.read(block, at % pageBytes);
    image.write(block, at);
    at = next;
  }
}

/** The inner sectors of the write arrive; those at its ends are garbage, as far as the file reaches. */
export function damageSectors(image: PageImage, write: WriteEffect, random: SimulatedRandom): void {
  const end = write.offset + write.bytes.length;
  image.write(write.bytes, write.offset);
  for (const at of new Set([write.offset, end - 1])) {
    const start = at - (at % sectorBytes);
    const garbage = random.bytes(sectorBytes);
    image.write(garbage.subarray(0, Math.min(sectorBytes, image.size - start)), start);
  }
}

/** Each byte arrives or not; the file is as long as its last byte that did. */
export function applySingly(
  image: PageImage,
  { offset, bytes }: WriteEffect,
  keptPercent: number,
  random: SimulatedRandom,
): void {
  let from = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (random.below(100) < keptPercent) continue;
    image.write(bytes.subarray(from, at), offset + from);
    from = at + 1;
  }
  image.write(bytes.subarray(from), offset + from);
}
