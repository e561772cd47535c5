// The numbers of the event encoding: record tags and flags. docs/FORMAT.md shows the layout of each body.

/** Record tags. Stored on disk, never renumber. Tags below `systemTagMin` are events and take LSNs. */
export const RECORD = {
  nodePut: 1,
  nodePatch: 2,
  nodeRemove: 3,
  edgeAdd: 4,
  /** Many property-less edges of one type as two columns; takes one LSN per edge. */
  edgeRun: 5,
  edgePatch: 6,
  edgeRemove: 7,
  userEvent: 8,
  /** Stands for so many events that compaction has dropped: takes their LSNs, and does nothing. */
  gap: 9,
  mapPut: 10,
  mapDelete: 11,
  /** Everything in a graph is gone from here on, told by this one event. */
  graphDrop: 12,
  mapDrop: 13,
  /** Defines a name (label, edge type, property or event name) under a small number. */
  name: 64,
  /** Ends a transaction. */
  commit: 65,
  /** Sets one named piece of system state, for example how far an ingest has come. */
  state: 66,
  /** Says that node ids below a number were given out, whatever is left of the events that did so. */
  nodeIds: 67,
  /** Defines a name of a kind: a graph, a map, or a label of a graph. */
  scopedName: 69,
} as const;

export const systemTagMin = 64;

/** Set in a node put that creates the node, and so carries its key. Stored on disk. */
export const nodePutCreates = 1;

/** Set in a patch that carries the full state after it. Stored on disk. */
export const patchHasImage = 1;

/** Set in a gap whose events were erased: feeds tell of each of them, and of nothing but that. Stored on disk. */
export const gapErased = 1;

/** Every how many patches of one node or edge the full state is written again. */
export const patchImageEvery = 16;

/** The family of the default graph; other graphs and maps get numbers of their own. */
export const defaultFamily = 0;

/** Edges in one `edgeRun` record: keeps a run within one frame of the target size. */
export const edgeRunEdgesMax = 4096;

/** Events that one gap stands for; of erased ones only as many as an edge run has, since feeds show each. */
export const gapEventsMax: number = 2 ** 31 - 1;
