// The layout of a segment file: header page, frames, footer. Shown in docs/FORMAT.md.

/** Offsets in the header page. Stored on disk, never move. */
export const SEGMENT_HEADER = {
  hash: 0,
  magic: 8,
  version: 16,
  incompatible: 20,
  readOnlyCompatible: 24,
  compatible: 28,
  databaseId: 32,
  segmentId: 48,
  generation: 52,
  nonce: 56,
  baseLsn: 64,
  previousHash: 72,
  createdMs: 80,
  closingHash: 88,
  horizon: 96,
  erasedLsn: 104,
} as const;

/** The header page; frames begin behind it. */
export const segmentHeaderBytes = 4096;
/** Bytes of the header page that carry fields; the rest is zero, and under the checksum too. */
export const segmentHeaderUsedBytes = 112;

export const segmentMagic = "VARVESEG";
export const segmentFooterMagic = "VARVEEND";
export const segmentVersion = 1;

/** Offsets in the footer, from its first byte. Stored on disk, never move. */
export const SEGMENT_FOOTER = {
  hash: 0,
  magic: 8,
  footerBytes: 16,
  indexCount: 20,
  lastLsn: 24,
  closingHash: 32,
  firstTimeMs: 40,
  lastTimeMs: 48,
  eventCount: 56,
  frameCount: 64,
  liveBytes: 72,
  index: 80,
} as const;

/** One entry of the footer's sparse index. */
export const FOOTER_INDEX_ENTRY = { firstLsn: 0, timeMs: 8, offset: 16 } as const;
export const footerIndexEntryBytes = 24;

/** A frame gets an index entry when it begins at least this far behind the last one that has one. */
export const indexStrideBytes: number = 32 * 1024;

/** The most that a footer of a segment with so many data bytes can take. */
export function footerBytesMaxFor(dataBytes: number): number {
  return (
    SEGMENT_FOOTER.index + (Math.floor(dataBytes / indexStrideBytes) + 2) * footerIndexEntryBytes
  );
}
