// Places in a batch of records: where an undone operation goes back to, and where a frame may end.

/** A place in a batch to go back to. */
export interface BatchMark {
  readonly position: number;
  readonly eventCount: number;
  readonly cutCount: number;
}

/** A piece of a batch that fits a frame: ends on a record boundary. */
export interface BatchCut {
  readonly position: number;
  readonly eventCount: number;
}
