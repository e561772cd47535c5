// Encodes and decodes segment header pages and footers.
import { getU32, putU32 } from "../codec/bytes.ts";
import { checkFormat, putFeatures } from "./features.ts";
import {
  blockIsSound,
  getHash,
  getU64,
  type Hash64,
  putHash,
  putU64,
  sameHash,
  sealBlock,
  zeroHash,
} from "./fields.ts";
import { FrameIndex } from "./frame-index.ts";
import {
  FOOTER_INDEX_ENTRY,
  footerIndexEntryBytes,
  SEGMENT_FOOTER,
  SEGMENT_HEADER,
  segmentFooterMagic,
  segmentHeaderBytes,
  segmentMagic,
  segmentVersion,
} from "./segment-format.ts";

export interface SegmentHeader {
  /** 16 bytes that all files of one database share. */
  readonly databaseId: Uint8Array;
  readonly segmentId: number;
  readonly generation: number;
  /** Seeds every frame checksum, so that bytes of another life of the disk never validate. */
  readonly nonce: Hash64;
  readonly baseLsn: number;
  /** Hash of the last frame of the segment before; zero in the first. */
  readonly previousHash: Hash64;
  readonly createdMs: number;
  /** Of a segment that compaction has written. */
  readonly compacted?: Compacted | undefined;
}

/** What sets a segment that compaction has written apart from one as first written. */
export interface Compacted {
  /** The hash that its first generation ended with: the next segment begins with it. */
  readonly closingHash: Hash64;
  /** Every event that could be dropped as of this LSN is gone from the segment; 0 where only erased ones are. */
  readonly horizon: number;
  /** Events of what was erased at or below this LSN are gone from the segment. */
  readonly erasedLsn: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const page = new Uint8Array(segmentHeaderBytes);
  putAscii(page, SEGMENT_HEADER.magic, segmentMagic);
  putU32(page, SEGMENT_HEADER.version, segmentVersion);
  putFeatures(page, SEGMENT_HEADER.incompatible);
  page.set(header.databaseId, SEGMENT_HEADER.databaseId);
  putU32(page, SEGMENT_HEADER.segmentId, header.segmentId);
  putU32(page, SEGMENT_HEADER.generation, header.generation);
  putHash(page, SEGMENT_HEADER.nonce, header.nonce);
  putU64(page, SEGMENT_HEADER.baseLsn, header.baseLsn);
  putHash(page, SEGMENT_HEADER.previousHash, header.previousHash);
  putU64(page, SEGMENT_HEADER.createdMs, header.createdMs);
  if (header.compacted !== undefined) {
    putHash(page, SEGMENT_HEADER.closingHash, header.compacted.closingHash);
    putU64(page, SEGMENT_HEADER.horizon, header.compacted.horizon);
    putU64(page, SEGMENT_HEADER.erasedLsn, header.compacted.erasedLsn);
  }
  sealBlock(page, 0, segmentHeaderBytes);
  return page;
}

/** Returns undefined where the page is damaged; throws FORMAT_UNSUPPORTED where it is sound but newer. */
export function decodeSegmentHeader(
  page: Uint8Array,
  file: string,
  readOnly: boolean,
): SegmentHeader | undefined {
  if (page.length < segmentHeaderBytes) return undefined;
  if (!hasAscii(page, SEGMENT_HEADER.magic, segmentMagic)) return undefined;
  if (!blockIsSound(page, 0, segmentHeaderBytes)) return undefined;
  const places = { version: SEGMENT_HEADER.version, features: SEGMENT_HEADER.incompatible };
  checkFormat(page, places, segmentVersion, file, readOnly);
  return {
    databaseId: page.slice(SEGMENT_HEADER.databaseId, SEGMENT_HEADER.databaseId + 16),
    segmentId: getU32(page, SEGMENT_HEADER.segmentId),
    generation: getU32(page, SEGMENT_HEADER.generation),
    nonce: getHash(page, SEGMENT_HEADER.nonce),
    baseLsn: getU64(page, SEGMENT_HEADER.baseLsn),
    previousHash: getHash(page, SEGMENT_HEADER.previousHash),
    createdMs: getU64(page, SEGMENT_HEADER.createdMs),
    compacted: decodeCompacted(page),
  };
}

function decodeCompacted(page: Uint8Array): Compacted | undefined {
  const closingHash = getHash(page, SEGMENT_HEADER.closingHash);
  if (sameHash(closingHash, zeroHash)) return undefined;
  const horizon = getU64(page, SEGMENT_HEADER.horizon);
  const erasedLsn = getU64(page, SEGMENT_HEADER.erasedLsn);
  return { closingHash, horizon, erasedLsn };
}

export interface SegmentFooter {
  readonly lastLsn: number;
  readonly closingHash: Hash64;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  readonly eventCount: number;
  readonly frameCount: number;
  readonly liveBytes: number;
  readonly index: FrameIndex;
}

export function encodeSegmentFooter(footer: SegmentFooter): Uint8Array {
  const { index } = footer;
  const bytes = new Uint8Array(SEGMENT_FOOTER.index + index.count * footerIndexEntryBytes);
  putAscii(bytes, SEGMENT_FOOTER.magic, segmentFooterMagic);
  putU32(bytes, SEGMENT_FOOTER.footerBytes, bytes.length);
  putU32(bytes, SEGMENT_FOOTER.indexCount, index.count);
  putU64(bytes, SEGMENT_FOOTER.lastLsn, footer.lastLsn);
  putHash(bytes, SEGMENT_FOOTER.closingHash, footer.closingHash);
  putU64(bytes, SEGMENT_FOOTER.firstTimeMs, footer.firstTimeMs);
  putU64(bytes, SEGMENT_FOOTER.lastTimeMs, footer.lastTimeMs);
  putU64(bytes, SEGMENT_FOOTER.eventCount, footer.eventCount);
  putU64(bytes, SEGMENT_FOOTER.frameCount, footer.frameCount);
  putU64(bytes, SEGMENT_FOOTER.liveBytes, footer.liveBytes);
  for (let i = 0; i < index.count; i++) {
    const at = SEGMENT_FOOTER.index + i * footerIndexEntryBytes;
    putU64(bytes, at + FOOTER_INDEX_ENTRY.firstLsn, index.firstLsnAt(i));
    putU64(bytes, at + FOOTER_INDEX_ENTRY.timeMs, index.timeMsAt(i));
    putU64(bytes, at + FOOTER_INDEX_ENTRY.offset, index.offsetAt(i));
  }
  sealBlock(bytes, 0, bytes.length);
  return bytes;
}

/** Whether a footer seems to begin at `at`: its magic is there. */
export function looksLikeFooter(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at >= SEGMENT_FOOTER.index &&
    hasAscii(bytes, at + SEGMENT_FOOTER.magic, segmentFooterMagic)
  );
}

/** Returns undefined where the bytes are not exactly one sound footer. */
export function decodeSegmentFooter(bytes: Uint8Array): SegmentFooter | undefined {
  if (!looksLikeFooter(bytes, 0, bytes.length)) return undefined;
  const count = getU32(bytes, SEGMENT_FOOTER.indexCount);
  if (getU32(bytes, SEGMENT_FOOTER.footerBytes) !== bytes.length) return undefined;
  if (bytes.length !== SEGMENT_FOOTER.index + count * footerIndexEntryBytes) return undefined;
  if (!blockIsSound(bytes, 0, bytes.length)) return undefined;
  const index = new FrameIndex();
  for (let i = 0; i < count; i++) {
    const at = SEGMENT_FOOTER.index + i * footerIndexEntryBytes;
    index.add(
      getU64(bytes, at + FOOTER_INDEX_ENTRY.firstLsn),
      getU64(bytes, at + FOOTER_INDEX_ENTRY.timeMs),
      getU64(bytes, at + FOOTER_INDEX_ENTRY.offset),
    );
  }
  return {
    lastLsn: getU64(bytes, SEGMENT_FOOTER.lastLsn),
    closingHash: getHash(bytes, SEGMENT_FOOTER.closingHash),
    firstTimeMs: getU64(bytes, SEGMENT_FOOTER.firstTimeMs),
    lastTimeMs: getU64(bytes, SEGMENT_FOOTER.lastTimeMs),
    eventCount: getU64(bytes, SEGMENT_FOOTER.eventCount),
    frameCount: getU64(bytes, SEGMENT_FOOTER.frameCount),
    liveBytes: getU64(bytes, SEGMENT_FOOTER.liveBytes),
    index,
  };
}

export function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

export function hasAscii(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
