// Shows the entries of the in-memory key tree as on-disk trees hold them, so that both can be merged.

import type { KeySource } from "./disk-tree-merge.ts";
import type { KeyCursor } from "./key-tree.ts";
import { noWords } from "./page-decoded.ts";
import type { EntryShape } from "./page-format.ts";

/** Words of a `KeyTree` entry that stand for the byte string, before LSN, id and flags. */
const keyPrefixWords = 4;

/** A key tree on disk: (key bytes, LSN high, LSN low | id, flags). */
export const keyTreeShape: EntryShape = { keyBytes: true, width: 4, payloadWords: 2, blob: false };

/** A `KeyCursor`, one entry at a time. */
export class KeyTreeSource implements KeySource {
  words: Uint32Array = noWords;
  base = 0;
  leafEnd = 0;

  readonly #cursor: KeyCursor;

  constructor(cursor: KeyCursor) {
    this.#cursor = cursor;
  }

  get isValid(): boolean {
    return this.#cursor.isValid;
  }

  seek(bytes: Uint8Array, from: number, to: number): boolean {
    return this.#show(this.#cursor.seek(bytes, from, to));
  }

  next(): boolean {
    return this.#show(this.#cursor.next());
  }

  nextLeaf(): boolean {
    return this.next();
  }

  moveTo(): void {
    // A leaf of one entry has nowhere else to go.
  }

  get keyChunk(): Uint8Array {
    return this.#cursor.keyChunk;
  }

  get keyFrom(): number {
    return this.#cursor.keyFrom;
  }

  get keyTo(): number {
    return this.#cursor.keyTo;
  }

  #show(isValid: boolean): boolean {
    this.words = this.#cursor.words;
    this.base = this.#cursor.base + keyPrefixWords;
    this.leafEnd = this.base + keyTreeShape.width;
    return isValid;
  }
}
