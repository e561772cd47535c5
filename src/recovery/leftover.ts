// Tells files that compaction has left behind from others that no manifest names.
import { isCompacted, type Manifest, SEGMENT_STATE } from "../log/manifest-codec.ts";

/**
 * Whether a sealed segment owns the LSNs of a file: then that is a generation which was not installed, or one which compaction has
 * replaced, perhaps by one that has the LSNs of its neighbours as well. What a salvage has replaced is none of these: there the new one ends as the next one begins.
 */
export function isLeftover(
  { segments }: Manifest,
  file: { readonly baseLsn: number; readonly generation: number },
): boolean {
  const owner = segments.find(
    ({ baseLsn, lastLsn }) =>
      baseLsn === file.baseLsn || (baseLsn < file.baseLsn && file.baseLsn <= lastLsn),
  );
  if (owner?.state !== SEGMENT_STATE.sealed || owner.lastLsn < owner.baseLsn) return false;
  if (isCompacted(owner)) return true;
  return owner.baseLsn === file.baseLsn && file.generation > owner.generation;
}
