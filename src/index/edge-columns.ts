// Growing columns of edges as they come out of an adjacency tree: numbers only, reused from one read to the next.

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
