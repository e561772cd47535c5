// Remembers which graph a node is in, for calls that take ids; nothing is remembered while there is no graph but the default one.

const slots = 2 ** 14;

/** A node never changes its graph, and ids are not given again. */
export class FamilyCache {
  #ids = new Uint32Array(0);
  #families = new Uint32Array(0);

  /** The graph of the node with an id, or -1 where that is not known. */
  get(id: number): number {
    const slot = id & (slots - 1);
    return id !== 0 && this.#ids[slot] === id ? this.#families[slot]! : -1;
  }

  put(id: number, family: number): void {
    if (this.#ids.length === 0) {
      this.#ids = new Uint32Array(slots);
      this.#families = new Uint32Array(slots);
    }
    const slot = id & (slots - 1);
    this.#ids[slot] = id;
    this.#families[slot] = family;
  }

  clear(): void {
    this.#ids.fill(0);
  }
}
