// The public names of `varve/testing`: a simulated machine for crash tests, of the engine and of code that
// uses it.
export type { ActorModule } from "../disk/actor-module.ts";
export type { DiskOperation } from "../disk/disk-error.ts";
export type {
  ActorHandler,
  ActorReply,
  Cancel,
  Clock,
  Disk,
  DiskFile,
  DiskLock,
  DiskStat,
  OpenMode,
  Ports,
  Random,
  Scheduler,
  WorkerActor,
  Workers,
} from "../disk/ports.ts";
export type { DelayHook } from "./call-gate.ts";
export { Crash, DeadDiskError } from "./dead-disk.ts";
export {
  type DiskProfile,
  type DiskProfileName,
  diskProfiles,
} from "./disk-profile.ts";
export type {
  CrashPlan,
  CrashSite,
  Loss,
  PlannedCrash,
} from "./explore/crash-plan.ts";
export {
  type CrashSubject,
  type Failed,
  type Promised,
  reopen,
  type Step,
  wait,
} from "./explore/crash-subject.ts";
export { diskFingerprint } from "./explore/disk-fingerprint.ts";
export type { Budget, Counts } from "./explore/exploration.ts";
export {
  type CrashFailure,
  type ExploreOptions,
  type ExploreReport,
  explore,
} from "./explore/explore.ts";
export { type DamageOptions, type DamageReport, exploreDamage } from "./explore/explore-damage.ts";
export {
  type ExploreInWorkersOptions,
  type ExploreProgress,
  exploreInWorkers,
} from "./explore/explore-in-workers.ts";
export { checkIsolation, type IsolationOptions, type Subscribe } from "./explore/feed-isolation.ts";
export { checkRefused, checkSnapshotStart, PositionWitness } from "./explore/feed-position.ts";
export { type FeedBatch, type FeedEvent, FeedWitness } from "./explore/feed-witness.ts";
export { type Death, type Ending, OperationHistory } from "./explore/operation-history.ts";
export { formatCrashPlan, parseCrashPlan } from "./explore/plan-text.ts";
export { type Replay, replayPlan } from "./explore/replay-plan.ts";
export { sumOfReports } from "./explore/report-sum.ts";
export { settle } from "./explore/settle.ts";
export { stateText } from "./explore/state-text.ts";
export type { FaultKind } from "./explore/step-sequences.ts";
export { Violation } from "./explore/violation.ts";
export {
  type FaultPlan,
  formatPlan,
  type PlanEffectKind,
  parsePlan,
  type RandomPlanOptions,
  randomPlan,
} from "./fault-plan.ts";
export type {
  DamageEffect,
  DelayEffect,
  ErrnoEffect,
  FaultEffect,
  FaultRule,
  FaultSite,
  HangEffect,
  LieEffect,
  ShortEffect,
  SpaceEffect,
} from "./faults.ts";
export type { EffectFate, LedgerEntry } from "./ledger.ts";
export { SimulatedClock } from "./simulated-clock.ts";
export { SimulatedDisk, type SimulatedDiskOptions } from "./simulated-disk.ts";
export {
  type SimulatedPorts,
  type SimulatedPortsOptions,
  simulatedPorts,
} from "./simulated-ports.ts";
export { SimulatedRandom } from "./simulated-random.ts";
export { SimulatedScheduler, type SimulatedSchedulerOptions } from "./simulated-scheduler.ts";
export { SimulatedWorkers } from "./simulated-workers.ts";
export {
  type DirtyEffect,
  dropAll,
  keepAll,
  type Outcome,
  type Survival,
  type SurvivalException,
} from "./survival.ts";
export {
  type DiskAtRisk,
  type RandomSurvivalOptions,
  randomSurvival,
  survivalFamily,
} from "./survival-family.ts";
export { type TimelineOptions, timelineHtml, timelineText } from "./timeline.ts";
export type { TimelineLife } from "./timeline-rows.ts";
export {
  crashAt,
  type DiskCall,
  formatTrace,
  type TraceEntry,
  type TraceLevel,
  traceHash,
} from "./trace.ts";
