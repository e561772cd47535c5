// Growing columns of edges as they come out of an adjacency tree: numbers only, reused from one read to the next.

/** Room that is kept from one read to the next. */
const keptMax = 4096;

export class EdgeColumns {
  types: Uint32Array;
  /** The node at the other end. */
  others: Uint32Array;
  edges: Float64Array;
  count = 0;

  constructor(capacity: number) {
    this.types = new Uint32Array(capacity);
    this.others = new Uint32Array(capacity);
    this.edges = new Float64Array(capacity);
  }

  /** Empties them; the room that one large read took is given back. */
  clear(): void {
    this.count = 0;
    if (this.edges.length <= keptMax) return;
    this.types = new Uint32Array(keptMax);
    this.others = new Uint32Array(keptMax);
    this.edges = new Float64Array(keptMax);
  }

  /** Makes room for at least `count` in all. */
  reserve(count: number): void {
    if (count <= this.edges.length) return;
    const capacity = Math.max(count, this.edges.length * 2);
    const types = new Uint32Array(capacity);
    types.set(this.types);
    this.types = types;
    const others = new Uint32Array(capacity);
    others.set(this.others);
    this.others = others;
    const edges = new Float64Array(capacity);
    edges.set(this.edges);
    this.edges = edges;
  }
}
