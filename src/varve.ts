// The public names of the package.
export type {
  Change,
  ChangeBatch,
  EdgeAdd,
  EdgePatch,
  EdgeRemove,
  NodePatch,
  NodePut,
  NodeRemove,
  UserEvent,
} from "./changes/change.ts";
export type { ChangesOptions } from "./changes/change-feed.ts";
export { VarveError, type VarveErrorCode } from "./codec/errors.ts";
export type { Database } from "./database/database.ts";
export { open } from "./database/open.ts";
export type { Durability, OpenOptions } from "./database/options.ts";
export type { Snapshot } from "./database/snapshot.ts";
export type { DatabaseStats } from "./database/stats.ts";
export type { Receipt, TransactOptions } from "./database/transact.ts";
export type { Transaction } from "./database/transaction.ts";
export type { VerifyProblem, VerifyReport } from "./database/verify-report.ts";
export type {
  Clock,
  Disk,
  DiskFile,
  DiskLock,
  Ports,
  Random,
  Scheduler,
  WorkerActor,
  Workers,
} from "./disk/ports.ts";
export type { GraphReader } from "./graph/graph-reader.ts";
export type * from "./graph/types.ts";
export type { RecoveryReport } from "./recovery/recovery-report.ts";
