// What is kept of every node id directly by number: where its key lies, and whether it is live now.

const chunkBits = 16;
const chunkIds = 1 << chunkBits;
const chunkMask = chunkIds - 1;

export const unknownNode = 0;
export const liveNode = 1;
export const removedNode = 2;

/** Ids are dense, so that tables in chunks serve better than a tree; a chunk is made when its first id comes. */
export class NodeTable {
  readonly #offsets: Uint32Array[] = [];
  readonly #states: Uint8Array[] = [];
  #chunkCount = 0;

  /** Memory held, in bytes. */
  get bytes(): number {
    return this.#chunkCount * chunkIds * 5;
  }

  /** `unknownNode`, `liveNode` or `removedNode`, as of the newest event applied; any number may be asked for. */
  stateOf(id: number): number {
    const chunk = this.#states[id >>> chunkBits];
    return chunk === undefined ? unknownNode : chunk[id & chunkMask]!;
  }

  /** The place of the key's item; only for ids that are not unknown. */
  offsetOf(id: number): number {
    return this.#offsets[id >>> chunkBits]![id & chunkMask]!;
  }

  create(id: number, offset: number): void {
    const ordinal = id >>> chunkBits;
    // Only this chunk: an id far above the others must not cost the memory of all below it.
    if (this.#states[ordinal] === undefined) {
      this.#offsets[ordinal] = new Uint32Array(chunkIds);
      this.#states[ordinal] = new Uint8Array(chunkIds);
      this.#chunkCount++;
    }
    this.#offsets[ordinal]![id & chunkMask] = offset;
    this.setState(id, liveNode);
  }

  setState(id: number, state: number): void {
    this.#states[id >>> chunkBits]![id & chunkMask] = state;
  }

  clear(): void {
    this.#offsets.length = 0;
    this.#states.length = 0;
    this.#chunkCount = 0;
  }
}
