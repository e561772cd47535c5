// What every event on an existing edge names.

export interface EdgeEnds {
  readonly id: number;
  readonly type: number;
  readonly from: number;
  readonly to: number;
}
