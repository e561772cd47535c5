// A short name for the content of a disk, by which two crash states are known to be the same.
import { hash64 } from "../../codec/checksum.ts";
import type { SimulatedDisk } from "../simulated-disk.ts";

const encoder = new TextEncoder();

/**
 * Equal for disks with equal contents: everything visible, and everything that a power cut may still take.
 *
 * @param isScratch files of which only the presence counts.
 */
export function diskFingerprint(
  disk: SimulatedDisk,
  isScratch: (path: string) => boolean = () => false,
): string {
  const out = new Uint32Array(2);
  addFiles(out, disk, isScratch);
  let risk = "";
  for (const { kind, path, offset, length } of disk.dirtyEffects()) {
    risk += `${kind} ${path} ${offset} ${length} `;
  }
  add(out, encoder.encode(risk));
  return nameOf(out);
}

/** Equal for disks on which a reader sees the same, whatever of it is durable. */
export function filesFingerprint(
  disk: SimulatedDisk,
  isScratch: (path: string) => boolean = () => false,
): string {
  const out = new Uint32Array(2);
  addFiles(out, disk, isScratch);
  return nameOf(out);
}

function addFiles(
  out: Uint32Array,
  disk: SimulatedDisk,
  isScratch: (path: string) => boolean,
): void {
  const file = new Uint32Array(2);
  const fileBytes = new Uint8Array(file.buffer);
  for (const path of disk.listAll()) {
    if (path.endsWith("/lock")) continue;
    add(out, encoder.encode(path));
    if (isScratch(path)) continue;
    disk.hashFile(path, file);
    add(out, fileBytes);
  }
}

function add(out: Uint32Array, bytes: Uint8Array): void {
  hash64(bytes, 0, bytes.length, out[0] as number, out[1] as number, out);
}

/** A short name for a text. */
export function textFingerprint(text: string): string {
  const out = new Uint32Array(2);
  const bytes = encoder.encode(text);
  hash64(bytes, 0, bytes.length, 0, 0, out);
  return nameOf(out);
}

function nameOf(halves: Uint32Array): string {
  return `${(halves[0] as number).toString(36)}.${(halves[1] as number).toString(36)}`;
}

/** The two halves, of 32 bits each, that a name was made of. */
export function halvesOf(name: string): [number, number] {
  const [low = "", high = ""] = name.split(".");
  return [Number.parseInt(low, 36), Number.parseInt(high, 36)];
}
