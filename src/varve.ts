// The public names of the package.
export type {
  Change,
  ChangeBatch,
  ChangeKind,
  EdgeAdd,
  EdgePatch,
  EdgeRemove,
  EdgeState,
  EntryState,
  FeedPhase,
  GraphDrop,
  MapDelete,
  MapDrop,
  MapPut,
  NodePatch,
  NodePut,
  NodeRemove,
  NodeState,
  UserEvent,
} from "./changes/change.ts";
export type { ChangeFeed } from "./changes/change-feed.ts";
export type { ChangesOptions } from "./changes/feed-options.ts";
export type { ChangeFilter } from "./changes/filter-plan.ts";
export { VarveError, type VarveErrorCode } from "./codec/errors.ts";
export type { HeldBack, HistoryPolicy, HorizonHolder } from "./compaction/horizon.ts";
export type { AsOfOptions } from "./database/as-of.ts";
export type { CompactReport } from "./database/background.ts";
export type { BackupOptions } from "./database/backup.ts";
export type { Consumer, ConsumerInfo, ConsumerOptions } from "./database/consumer.ts";
export type { CompactOptions, Database } from "./database/database.ts";
export type { HistoryPoint } from "./database/history-point.ts";
export type { HistoryStats } from "./database/history-stats.ts";
export { open } from "./database/open.ts";
export type { Durability, OpenOptions } from "./database/options.ts";
export type { DiffOptions, DiffPoint, HistoryOptions } from "./database/past.ts";
export type { Projection, ProjectionInfo } from "./database/projection.ts";
export type { OutRange, ProjectionOut, WritableOut } from "./database/projection-out.ts";
export type {
  ParkedBy,
  ProjectionDefinition,
  ProjectionStatus,
} from "./database/projection-run.ts";
export { type RepairOptions, type RepairReport, repair } from "./database/repair.ts";
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
export type { GraphTransaction } from "./graph/graph-transaction.ts";
export type { MapReader, RangeOptions } from "./graph/map-reader.ts";
export type { MapTransaction } from "./graph/map-transaction.ts";
export type { StoreReader } from "./graph/store-reader.ts";
export type * from "./graph/types.ts";
export type { BackupReport } from "./recovery/backup.ts";
export type { RecoveryReport } from "./recovery/recovery-report.ts";
export type { LossReason, LostRange } from "./recovery/salvage-report.ts";
