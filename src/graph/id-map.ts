// A map from node ids to numbers in typed arrays: what searches remember, without an object per node.

const slotsMin = 64;

/** Open addressing, at most half full. Id 0 is never a node's, so it marks the free slots. */
export class IdMap {
  #ids = new Uint32Array(slotsMin);
  #values = new Uint32Array(slotsMin);
  #shift = 32 - 6;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds an id; false, with nothing changed, where it is there already. */
  add(id: number, value: number): boolean {
    if (this.#count * 2 >= this.#ids.length) this.#grow();
    const slot = this.#slotOf(id);
    if (this.#ids[slot] === id) return false;
    this.#ids[slot] = id;
    this.#values[slot] = value;
    this.#count++;
    return true;
  }

  has(id: number): boolean {
    return this.#ids[this.#slotOf(id)] === id;
  }

  /** The value of an id that is there. */
  get(id: number): number {
    return this.#values[this.#slotOf(id)]!;
  }

  /** The slot of an id, or the free one where it belongs. */
  #slotOf(id: number): number {
    const mask = this.#ids.length - 1;
    // Multiplying by the golden ratio spreads ids that follow one another.
    let slot = Math.imul(id, 0x9e37_79b1) >>> this.#shift;
    while (this.#ids[slot] !== 0 && this.#ids[slot] !== id) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    this.#ids = new Uint32Array(ids.length * 2);
    this.#values = new Uint32Array(ids.length * 2);
    this.#shift--;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === 0) continue;
      const slot = this.#slotOf(ids[i]!);
      this.#ids[slot] = ids[i]!;
      this.#values[slot] = values[i]!;
    }
  }
}
