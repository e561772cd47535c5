// The read face of a whole database or view: its default graph, and by name its other graphs and its maps.

import { checkName } from "./arguments.ts";
import { GraphSource } from "./family-source.ts";
import { GraphReader } from "./graph-reader.ts";
import { MapReader } from "./map-reader.ts";
import type { ReadSource } from "./read-source.ts";
import type { GraphName, GraphSchema, MapName, MapValue, Schema } from "./types.ts";

export class StoreReader<S = Schema> extends GraphReader<S> {
  /** @internal */
  static sourceOf(reader: StoreReader): ReadSource {
    return reader.source;
  }

  /**
   * The graph with a name, which is empty until something is written to it: a read face of its own. Ids of nodes and edges are
   * unique over all graphs; those of another graph are unknown here.
   */
  graph<N extends GraphName<S>>(name: N): GraphReader<GraphSchema<S, N>> {
    checkName("graph", "name", name);
    return new GraphReader<GraphSchema<S, N>>(new GraphSource(this.source, name));
  }

  /** The ordered map with a name, which is empty until something is put into it. */
  map<N extends MapName<S>>(name: N): MapReader<MapValue<S, N>> {
    checkName("map", "name", name);
    return new MapReader<MapValue<S, N>>(this.source, name);
  }
}
