// What the engine tells those who watch it from outside, in the same process; nobody has to listen.

/**
 * - `commit`: `{ path, firstLsn, lastLsn, bytes }`, a transaction was accepted.
 * - `sync`: `{ path, durableLsn }`, the durable LSN has moved.
 * - `checkpoint`: `{ path, number, lsn, bytes, runs }`, a checkpoint was installed.
 * - `merge`: `{ path, runs, bytes }`, runs of the index were merged; how many there are now, and the bytes written.
 * - `recover`: `{ path, ...recovery }`, a database was opened; the report is that of `db.recovery`.
 */
export type DiagnosticsTopic = "commit" | "sync" | "checkpoint" | "merge" | "recover";

export interface Diagnostics {
  /** Whether it is worth making a message. */
  isHeard(topic: DiagnosticsTopic): boolean;
  publish(topic: DiagnosticsTopic, message: object): void;
}
