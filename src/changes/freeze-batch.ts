// Makes a batch that several subscribers get safe from each of them.
import type { ChangeBatch } from "./change.ts";

/** Freezes a batch down to the values of props; those that are arrays, objects or bytes stay as they are. */
export function freezeBatch(batch: ChangeBatch): void {
  for (const change of batch.changes) {
    for (const value of Object.values(change)) freezeOwn(value);
    Object.freeze(change);
  }
  Object.freeze(batch.changes);
  Object.freeze(batch);
}

function freezeOwn(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
}
