// Keeps byte strings for the in-memory indexes, one after another in large chunks, and hands out 32-bit offsets for them. Bytes
// are only added; they go all at once, and leave their chunks to what comes next.

const unitBytes = 4;
const lengthUnits = 1;
const copyLoopBytesMax = 48;
/** The first chunk, and by how much the next ones are larger up to the full size: a small graph takes little memory. */
const firstChunkBytes = 4096;
const growthBits = 4;

/** Each item lies in one chunk: its length in one 4-byte word, then its bytes, padded with zeros to whole words. */
export class ByteArena {
  readonly chunkBytes: number;
  /** The chunks as bytes and, over the same memory, as words in the byte order of the machine. */
  readonly chunks: Uint8Array[] = [];
  readonly chunkWords: Uint32Array[] = [];
  /** Memory of the chunks in use, in bytes, and of those that were cleared and wait for their next use. */
  bytes = 0;
  spareBytes = 0;
  /** An offset is a chunk's ordinal above, and the place of the item in the chunk, in words, in this many bits below. */
  readonly unitBits: number;

  readonly #unitMask: number;
  /** All of the full size. */
  readonly #spare: Uint8Array[] = [];
  /** Free words start here in the last chunk. */
  #used = 0;

  /** @param chunkBytes a power of two from 64 bytes up; default 1 MiB. Longer items get a chunk of their own. */
  constructor(chunkBytes: number = 1 << 20) {
    const bits = 31 - Math.clz32(chunkBytes);
    if (chunkBytes !== 2 ** bits || bits < 6 || bits > 30) {
      throw new RangeError(
        `ByteArena: chunkBytes must be a power of two from 2 ** 6 to 2 ** 30, got ${chunkBytes}`,
      );
    }
    this.chunkBytes = chunkBytes;
    this.unitBits = bits - 2;
    this.#unitMask = 2 ** this.unitBits - 1;
  }

  /** Copies bytes[from … to) in, and returns the offset of the copy. */
  append(bytes: Uint8Array, from: number, to: number): number {
    const offset = this.reserve(to - from);
    this.write(offset, bytes, from, to);
    return offset;
  }

  /** Makes an item of `length` bytes, for `write` to fill. */
  reserve(length: number): number {
    const units = lengthUnits + ((length + unitBytes - 1) >>> 2);
    const last = this.chunkWords[this.chunkWords.length - 1];
    if (last === undefined || this.#used + units > last.length) this.#addChunk(units);
    const offset = (this.chunks.length - 1) * 2 ** this.unitBits + this.#used;
    const words = this.chunkWords[this.chunks.length - 1] as Uint32Array;
    words[this.#used] = length;
    this.#used += units;
    return offset;
  }

  /** Puts other bytes in the place of an item, no more of them than it was reserved with. */
  write(offset: number, bytes: Uint8Array, from: number, to: number): void {
    const ordinal = offset >>> this.unitBits;
    const chunk = this.chunks[ordinal] as Uint8Array;
    const words = this.chunkWords[ordinal] as Uint32Array;
    const place = offset & this.#unitMask;
    const length = to - from;
    words[place] = length;
    // Comparing reads whole words, so the padding must be zeros whatever was there before.
    if ((length & 3) !== 0) words[place + lengthUnits + (length >>> 2)] = 0;
    const start = (place + lengthUnits) * unitBytes;
    if (length > copyLoopBytesMax) chunk.set(bytes.subarray(from, to), start);
    else for (let i = 0; i < length; i++) chunk[start + i] = bytes[from + i]!;
  }

  /** The chunk that holds an item. */
  chunkOf(offset: number): Uint8Array {
    return this.chunks[offset >>> this.unitBits] as Uint8Array;
  }

  /** Where the bytes of an item start in its chunk. */
  positionOf(offset: number): number {
    return ((offset & this.#unitMask) + lengthUnits) * unitBytes;
  }

  /** How many bytes an item has. */
  lengthOf(offset: number): number {
    const words = this.chunkWords[offset >>> this.unitBits] as Uint32Array;
    return words[offset & this.#unitMask] as number;
  }

  /** The order of two items as unsigned bytes, the shorter first: below, at or above 0. */
  compare(a: number, b: number): number {
    const aWords = this.chunkWords[a >>> this.unitBits] as Uint32Array;
    const bWords = this.chunkWords[b >>> this.unitBits] as Uint32Array;
    let aPlace = a & this.#unitMask;
    let bPlace = b & this.#unitMask;
    const aLength = aWords[aPlace]!;
    const bLength = bWords[bPlace]!;
    // The padding of the shorter one reads as zeros: it sorts first, or ties here and is told by the length.
    let units = (Math.min(aLength, bLength) + unitBytes - 1) >>> 2;
    while (units > 0) {
      aPlace++;
      bPlace++;
      const aWord = aWords[aPlace]!;
      const bWord = bWords[bPlace]!;
      if (aWord !== bWord) return this.#compareWord(a, aPlace, b, bPlace);
      units--;
    }
    return aLength - bLength;
  }

  /** Forgets all items; their offsets mean nothing from now on, and their bytes are written over by what comes. */
  clear(): void {
    for (const chunk of this.chunks) {
      if (chunk.byteLength !== this.chunkBytes) continue;
      this.#spare.push(chunk);
      this.spareBytes += this.chunkBytes;
    }
    this.chunks.length = 0;
    this.chunkWords.length = 0;
    this.bytes = 0;
    this.#used = 0;
  }

  /** The order of two words that differ, byte by byte, so that it does not depend on the machine's byte order. */
  #compareWord(a: number, aPlace: number, b: number, bPlace: number): number {
    const aChunk = this.chunkOf(a);
    const bChunk = this.chunkOf(b);
    let aByte = aPlace * unitBytes;
    let bByte = bPlace * unitBytes;
    while (aChunk[aByte] === bChunk[bByte]) {
      aByte++;
      bByte++;
    }
    return aChunk[aByte]! - bChunk[bByte]!;
  }

  #addChunk(units: number): void {
    const ordinal = this.chunks.length;
    if ((ordinal + 1) * 2 ** this.unitBits > 2 ** 32) {
      throw new RangeError("ByteArena: append would need more chunks than 32-bit offsets can name");
    }
    const chunk = this.#takeSpare(units) ?? this.#newChunk(ordinal, units);
    this.bytes += chunk.byteLength;
    this.chunks.push(chunk);
    this.chunkWords.push(new Uint32Array(chunk.buffer));
    this.#used = 0;
  }

  #takeSpare(units: number): Uint8Array | undefined {
    const chunk = units * unitBytes > this.chunkBytes ? undefined : this.#spare.pop();
    if (chunk !== undefined) this.spareBytes -= this.chunkBytes;
    return chunk;
  }

  #newChunk(ordinal: number, units: number): Uint8Array {
    const dueBytes = ordinal < 3 ? firstChunkBytes << (ordinal * growthBits) : this.chunkBytes;
    return new Uint8Array(Math.max(Math.min(dueBytes, this.chunkBytes), units * unitBytes));
  }
}
