// The types that users meet: what a schema may say, and the records, options and iterables of reads and writes.

/**
 * What a program may say about its data, as a type only: nothing is checked when it runs. `nodes` maps labels to the props of
 * nodes with them, `edges` edge types to props, `maps` map names to values, `events` event names to values, and `graphs` names
 * of further graphs to schemas of their own.
 */
export interface Schema {
  readonly nodes?: object;
  readonly edges?: object;
  readonly maps?: object;
  readonly events?: object;
  readonly graphs?: object;
}

/** Props where no schema says more. */
export type AnyProps = { [name: string]: unknown };

type Names<Part> = keyof Part & string;

/** The labels of a schema, or string without one. */
export type NodeLabel<S> = S extends { readonly nodes: infer N } ? Names<N> : string;

/** The edge types of a schema, or string without one. */
export type EdgeType<S> = S extends { readonly edges: infer E } ? Names<E> : string;

/** The names of events of a schema, or string without one. */
export type EventName<S> = S extends { readonly events: infer E } ? Names<E> : string;

/** The props of a node with a label; a union where there are several labels. */
export type NodeProps<S, L extends NodeLabel<S> = NodeLabel<S>> = S extends {
  readonly nodes: infer N;
}
  ? L extends keyof N
    ? N[L]
    : never
  : AnyProps;

/** The props of an edge of a type; a union where there are several types. */
export type EdgeProps<S, T extends EdgeType<S> = EdgeType<S>> = S extends {
  readonly edges: infer E;
}
  ? T extends keyof E
    ? E[T]
    : never
  : AnyProps;

/** The value of an event of a name. */
export type EventValue<S, N extends EventName<S>> = S extends { readonly events: infer E }
  ? N extends keyof E
    ? E[N]
    : never
  : unknown;

/** The names of maps of a schema, or string without one. */
export type MapName<S> = S extends { readonly maps: infer M } ? Names<M> : string;

/** The values of a map. */
export type MapValue<S, N extends MapName<S>> = S extends { readonly maps: infer M }
  ? N extends keyof M
    ? M[N]
    : never
  : unknown;

/** The names of graphs of a schema, or string without one. */
export type GraphName<S> = S extends { readonly graphs: infer G } ? Names<G> : string;

/** The schema of a graph. */
export type GraphSchema<S, N extends GraphName<S>> = S extends { readonly graphs: infer G }
  ? N extends keyof G
    ? G[N]
    : never
  : Schema;

/** A change of props: fields to set, and null for those to take away. */
export type PropsPatch<P> = P extends object
  ? { readonly [K in keyof P]?: P[K] | null | undefined }
  : never;

/** A node as of one LSN: a plain object of the caller's own. */
export interface NodeRecord<S = Schema, L extends NodeLabel<S> = NodeLabel<S>> {
  key: string;
  /** Never changes, is never given to another node; a removed and re-created key gets a new one. */
  id: number;
  /** In the order in which they were given. */
  labels: NodeLabel<S>[];
  props: NodeProps<S, L>;
  /** LSN of the event that made it what it is. */
  lsn: number;
}

/** An edge as of one LSN: a plain object of the caller's own. */
export type EdgeRecord<S = Schema, T extends EdgeType<S> = EdgeType<S>> =
  T extends EdgeType<S>
    ? {
        /** The LSN of the event that added it. */
        id: number;
        /** Key of the source. */
        from: string;
        type: T;
        /** Key of the target. */
        to: string;
        props: EdgeProps<S, T>;
        /** LSN of the event that made it what it is. */
        lsn: number;
      }
    : never;

/** A step of a traversal. */
export interface Visit {
  key: string;
  /** Edges from the start; 0 for the start itself. */
  depth: number;
  /** Id of the edge that led here first; undefined for the start. */
  via: number | undefined;
}

export interface DirectionOptions<T extends string = string> {
  /** Default `"out"`. */
  readonly direction?: "out" | "in" | "both" | undefined;
  /** One edge type or several; default all. */
  readonly type?: T | readonly T[] | undefined;
}

export interface EdgesOptions<T extends string = string> extends DirectionOptions<T> {
  /** Only edges whose other end is the node with this key. */
  readonly to?: string | undefined;
  /** At most this many, 0 or more. */
  readonly limit?: number | undefined;
  /** The same edges from the last to the first. */
  readonly reverse?: boolean | undefined;
}

export interface NodesOptions<L extends string = string> {
  readonly label?: L | undefined;
  /** Only keys that begin with this. */
  readonly prefix?: string | undefined;
  /** Only keys above this one: where an earlier page ended. */
  readonly after?: string | undefined;
  /** At most this many, 0 or more. */
  readonly limit?: number | undefined;
}

export interface AllEdgesOptions<T extends string = string> {
  /** One edge type or several; default all. */
  readonly type?: T | readonly T[] | undefined;
  /** Only edges with a higher id: where an earlier page ended. */
  readonly after?: number | undefined;
  /** At most this many, 0 or more. */
  readonly limit?: number | undefined;
}

export interface ShortestPathOptions<T extends string = string> extends DirectionOptions<T> {
  /** More nodes than this visited is `LIMIT_EXCEEDED`; default no bound. */
  readonly maxVisited?: number | undefined;
}

export interface TraverseOptions<T extends string = string> extends ShortestPathOptions<T> {
  /** How many edges from the start to go, 0 or more; default no bound. */
  readonly depth?: number | undefined;
}

export interface PutNodeOptions<S = Schema, L extends NodeLabel<S> = NodeLabel<S>> {
  readonly labels?: readonly L[] | undefined;
  readonly props?: NodeProps<S, L> | undefined;
}

export interface PatchNodeOptions<S = Schema, L extends NodeLabel<S> = NodeLabel<S>> {
  readonly props?: PropsPatch<NodeProps<S, L>> | undefined;
  readonly addLabels?: readonly L[] | undefined;
  readonly removeLabels?: readonly NodeLabel<S>[] | undefined;
}

export interface PutNodesOptions<S = Schema, L extends NodeLabel<S> = NodeLabel<S>> {
  /** Given to every node. */
  readonly labels?: readonly L[] | undefined;
  /** One object per key, in the same order. */
  readonly props?: readonly (NodeProps<S, L> | undefined)[] | undefined;
}

export interface AddEdgesOptions<S = Schema, T extends EdgeType<S> = EdgeType<S>> {
  readonly type: T;
  /** Ids of the sources. */
  readonly from: Uint32Array;
  /** Ids of the targets, as many. */
  readonly to: Uint32Array;
  /** One object per edge, in the same order. */
  readonly props?: readonly (EdgeProps<S, T> | undefined)[] | undefined;
}
