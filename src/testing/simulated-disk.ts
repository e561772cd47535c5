// A disk in memory that forgets what a real one may forget: deterministic, countable, breakable at every
// call, and cheap to cut the power of. What a crash may leave is chosen in survival.ts and made in
// crash-clone.ts.
import { lockedError, unsafeFileError } from "../disk/disk-error.ts";
import type { Disk, DiskFile, DiskLock, DiskStat, OpenMode } from "../disk/ports.ts";
import { CallGate, type DelayHook, failure, type GatedCall, underFault } from "./call-gate.ts";
import { type AtRisk, cutState, effectsAtRisk } from "./crash-clone.ts";
import { type DiskProfile, type DiskProfileName, profileOf } from "./disk-profile.ts";
import { DiskState } from "./disk-state.ts";
import {
  putDurable,
  removeDurable,
  removeDurableFile,
  visibleFiles,
  writeDurable,
} from "./durable-edit.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Fault, FaultRule } from "./faults.ts";
import type { DirectoryNode } from "./inode.ts";
import { type LedgerEntry, ledgerOf } from "./ledger.ts";
import { NameCalls } from "./name-calls.ts";
import { endSync, type FileHost, SimulatedFile } from "./simulated-file.ts";
import { SimulatedLock } from "./simulated-lock.ts";
import { dirnamePath, joinPath, resolvePath } from "./simulated-path.ts";
import { hashText, SimulatedRandom } from "./simulated-random.ts";
import { type DirtyEffect, outcomesOf, type Survival } from "./survival.ts";
import type { DiskCall, TraceEntry, TraceLevel } from "./trace.ts";

export interface SimulatedDiskOptions {
  /** Fixes the order of directory listings, and what a profile leaves to chance; default 1. */
  readonly seed?: number;
  /** What kind of machine this is; default `strict`. Disks made by `kill`, `powerCut` and `clone` are of the same kind. */
  readonly profile?: DiskProfileName | DiskProfile;
  /** What will go wrong on this disk; see `usePlan`. */
  readonly plan?: FaultPlan;
  /** Space for file contents, in whole pages of 4 KiB, holes not counted; default without bound. */
  readonly capacityBytes?: number;
  /** How many handles may be open at a time; one more fails with `EMFILE`. Default without bound. */
  readonly openFilesMax?: number;
  /** Default `changes`. */
  readonly trace?: TraceLevel;
  /** Holds back every asynchronous call until it resolves; the effect happens then. */
  readonly delay?: DelayHook;
}

const lockName = "lock";

/**
 * A `Disk` in memory. Every effect is visible at once and durable only by a sync that was called after
 * it; each may survive or be lost on its own at a power cut.
 *
 * `onCall` hears every call that changes state, before and after its effect, and stops the world there
 * by throwing: that call and all later ones fail with `DeadDiskError`. `kill` and `powerCut` give the disk
 * that the next process finds. Disks never share state that either could change.
 */
export class SimulatedDisk implements Disk {
  readonly seed: number;
  /** How many kills and power cuts lie behind this disk. */
  readonly generation: number;
  /** May be changed at any time. */
  capacityBytes: number;
  readonly #openFilesMax: number;
  readonly #gate: CallGate;
  readonly #state: DiskState;
  readonly #names: NameCalls;
  readonly #host: FileHost;
  readonly #locks: Map<number, string> = new Map();
  #openFiles = 0;
  #listings = 0;
  #risk: AtRisk | undefined;

  constructor(options: SimulatedDiskOptions = {}, state?: DiskState, generation = 0) {
    this.seed = options.seed ?? 1;
    this.generation = generation;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#openFilesMax = options.openFilesMax ?? Number.POSITIVE_INFINITY;
    this.#state = state ?? DiskState.empty(profileOf(options.profile));
    this.#gate = new CallGate({
      traceLevel: options.trace ?? "changes",
      delay: options.delay,
      state: this.#state,
      resize: (capacityBytes) => {
        this.capacityBytes = capacityBytes;
      },
    });
    if (this.#gate.traceLevel !== "none") this.#state.settled = new Map();
    this.#names = new NameCalls(this.#state, this.#state.profile, this.seed + generation);
    this.#host = {
      gate: this.#gate,
      state: this.#state,
      freeBytes: () => this.#freeBytes(),
      closed: () => {
        this.#openFiles -= 1;
      },
    };
    if (options.plan !== undefined) this.usePlan(options.plan);
  }

  get profile(): DiskProfile {
    return this.#state.profile;
  }

  /** Calls so far that change state; the next one has this number. */
  get calls(): number {
    return this.#gate.calls;
  }

  /** Read calls so far. */
  get reads(): number {
    return this.#gate.reads;
  }

  get trace(): readonly TraceEntry[] {
    return this.#gate.trace;
  }

  /** Push rules here to make calls fail. A disk made by `kill`, `powerCut` or `clone` starts without any. */
  get faults(): FaultRule[] {
    return this.#gate.faults;
  }

  /** Whether it was killed or crashed; every call fails then. */
  get dead(): boolean {
    return this.#gate.dead;
  }

  /** Handles that are open. */
  get openFiles(): number {
    return this.#openFiles;
  }

  get onCall(): ((call: DiskCall) => void) | undefined {
    return this.#gate.onCall;
  }

  set onCall(hook: ((call: DiskCall) => void) | undefined) {
    this.#gate.onCall = hook;
  }

  get delay(): DelayHook | undefined {
    return this.#gate.delay;
  }

  set delay(hook: DelayHook | undefined) {
    this.#gate.delay = hook;
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    if (mode !== "create") {
      const call: GatedCall = { operation: "open", path };
      return this.#gate.observeLater(call, () => this.#openFile(call, mode));
    }
    const call: GatedCall = { operation: "create", path };
    return this.#gate.changeLater(call, (fault) => this.#createFile(call, fault));
  }

  openSync(path: string): DiskFile {
    const call: GatedCall = { operation: "open", path };
    return this.#gate.observe(call, () => this.#openFile(call, "read"));
  }

  stat(path: string): Promise<DiskStat | undefined> {
    return this.#gate.observeLater({ operation: "stat", path }, () => {
      const node = this.#state.find(path);
      if (node === undefined) return undefined;
      const identity = `sim:${node.number}`;
      if (node.kind === "directory") return { kind: "directory", bytes: 0, identity, links: 2 };
      return { kind: "file", bytes: node.visible.size, identity, links: node.links };
    });
  }

  list(path: string): Promise<string[]> {
    const call: GatedCall = { operation: "list", path };
    return this.#gate.observeLater(call, () => {
      const names = [...this.#names.directory(call).visible.keys()].sort();
      this.#listings += 1;
      const random = new SimulatedRandom(hashText(path, this.seed + this.#listings));
      return random.shuffle(names);
    });
  }

  makeDirectory(path: string): Promise<void> {
    const call: GatedCall = { operation: "makeDirectory", path };
    return this.#gate.changeLater(call, (fault) =>
      underFault(call, fault, () => {
        this.#state.createDirectory(this.#names.freePlace(call));
      }),
    );
  }

  rename(from: string, to: string): Promise<void> {
    const call: GatedCall = { operation: "rename", path: from, to };
    return this.#gate.changeLater(call, (fault) =>
      underFault(call, fault, () => this.#names.rename(call, to)),
    );
  }

  unlink(path: string): Promise<void> {
    const call: GatedCall = { operation: "unlink", path };
    return this.#gate.changeLater(call, (fault) =>
      underFault(call, fault, () => this.#names.unlink(call)),
    );
  }

  syncDirectory(path: string): Promise<void> {
    const call: GatedCall = { operation: "syncDirectory", path };
    const sequence = this.#state.sequence;
    return this.#gate.changeLater(call, (fault) => {
      endSync(this.#state, call, this.#names.directory(call), sequence, fault);
    });
  }

  /**
   * As on a real disk the holder's `lock` file appears, and goes with the release. It is durable at once:
   * after every crash it is there, and adds nothing to what a survival must decide.
   */
  lock(path: string, holder: string): Promise<DiskLock> {
    const call: GatedCall = { operation: "lock", path };
    return this.#gate.changeLater(call, (fault) =>
      underFault(call, fault, () => {
        const directory = this.#names.directory(call);
        const owner = this.#locks.get(directory.number);
        if (owner !== undefined) throw lockedError(path, owner);
        this.#locks.set(directory.number, holder);
        putDurable(this.#state, { directory, name: lockName }, new TextEncoder().encode(holder));
        return new SimulatedLock(() => this.#release(directory, path));
      }),
    );
  }

  join(...parts: string[]): string {
    return joinPath(...parts);
  }

  dirname(path: string): string {
    return dirnamePath(path);
  }

  resolve(path: string): string {
    return resolvePath(path);
  }

  /** Everything in the plan goes wrong from now on, besides what goes wrong already. */
  usePlan(plan: FaultPlan): void {
    this.#gate.faults.push(...plan.rules);
    if (plan.capacityBytes !== undefined) this.capacityBytes = plan.capacityBytes;
  }

  /** Stops the world here: every call from now on, in flight or new, fails with `DeadDiskError`. */
  stop(): void {
    this.#gate.die();
  }

  /**
   * The process dies, the machine does not: this disk is dead, and the one returned shows everything
   * written, with the same effects still at risk. No lock is held and no handle open. Calls in flight,
   * held back by `delay` or a fault, have not happened; with `random` each may have.
   */
  kill(random?: SimulatedRandom): SimulatedDisk {
    this.#gate.die(random === undefined ? undefined : () => random.below(2) === 0);
    return this.clone();
  }

  /** As `kill`, but this disk lives on: what another process would find at this moment. */
  clone(): SimulatedDisk {
    return this.#next(this.#state.clone());
  }

  /**
   * The machine dies: the disk returned holds what is durable, and of the effects at risk what `survival`
   * says; nothing is at risk on it. This disk stays as it is, alive or dead, and may be cut again.
   */
  powerCut(survival: Survival): SimulatedDisk {
    const risk = this.#atRisk();
    return this.#next(cutState(this.#state, risk, outcomesOf(survival, risk.views, this.profile)));
  }

  /**
   * The kernel writes back on its own: these of `dirtyEffects`, and what they lie upon, are durable from now on, and no
   * failing sync can lose them.
   */
  writeBack(indexes: readonly number[]): void {
    const { effects, nodes } = this.#atRisk();
    this.#state.writeBack(nodes, new Set(indexes.map((index) => effects[index]?.effect.sequence)));
  }

  /** The effects that a power cut may take now, in order. */
  dirtyEffects(): readonly DirtyEffect[] {
    return this.#atRisk().views;
  }

  /**
   * What has become of every effect: durable and by which call, pending, forgotten by a failed sync. With a survival:
   * what a power cut here makes of the pending ones. Needs a trace, and knows of earlier lives what is still at risk.
   */
  ledger(survival?: Survival): LedgerEntry[] {
    const risk = this.#atRisk();
    return ledgerOf({
      trace: this.#gate.trace,
      settled: this.#state.settled ?? new Map(),
      risk,
      outcomes: survival === undefined ? undefined : outcomesOf(survival, risk.views, this.profile),
    });
  }

  /** Length of a visible file. Works on a dead disk too. */
  fileBytes(path: string): number {
    const node = this.#state.find(path);
    if (node?.kind !== "file") throw new TypeError(`fileBytes: no file at ${path}`);
    return node.visible.size;
  }

  /** What is visible in a file. Works on a dead disk too. */
  readFile(path: string): Uint8Array {
    const node = this.#state.find(path);
    if (node?.kind !== "file") throw new TypeError(`readFile: no file at ${path}`);
    return node.visible.toBytes();
  }

  /** A hash of what is visible in a file, into two words. Works on a dead disk too. */
  hashFile(path: string, out: Uint32Array): void {
    const node = this.#state.find(path);
    if (node?.kind !== "file") throw new TypeError(`hashFile: no file at ${path}`);
    node.visible.hash(out);
  }

  /** Replaces a file's content, or makes the file and its directories; durable at once. */
  writeFile(path: string, bytes: Uint8Array): void {
    writeDurable(this.#state, path, bytes);
  }

  /** Takes a file away; durable at once. */
  removeFile(path: string): void {
    removeDurableFile(this.#state, path);
  }

  /** The paths of all visible files, in order. */
  listAll(): string[] {
    return visibleFiles(this.#state);
  }

  /** Bytes that file contents take now, in whole pages; holes are free. */
  allocatedBytes(): number {
    return this.#state.allocatedBytes();
  }

  #next(state: DiskState): SimulatedDisk {
    const options: SimulatedDiskOptions = {
      seed: this.seed,
      capacityBytes: this.capacityBytes,
      openFilesMax: this.#openFilesMax,
      trace: this.#gate.traceLevel,
    };
    return new SimulatedDisk(options, state, this.generation + 1);
  }

  #atRisk(): AtRisk {
    if (this.#risk?.version !== this.#state.version) this.#risk = effectsAtRisk(this.#state);
    return this.#risk as AtRisk;
  }

  #freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    return this.capacityBytes - this.#state.allocatedBytes();
  }

  #openFile(call: GatedCall, mode: OpenMode): DiskFile {
    const node = this.#state.find(call.path);
    if (node === undefined) throw failure(call, "ENOENT");
    if (node.kind === "directory") throw unsafeFileError(call.path, "directory");
    this.#takeHandle(call);
    return new SimulatedFile(this.#host, call.path, node, mode);
  }

  #createFile(call: GatedCall, fault: Fault | undefined): DiskFile {
    const { path } = call;
    return underFault(call, fault, () => {
      const place = this.#names.freePlace(call);
      if (fault !== undefined && "errno" in fault) {
        this.#state.createFile(place);
        throw failure(call, fault.errno);
      }
      this.#takeHandle(call);
      return new SimulatedFile(this.#host, path, this.#state.createFile(place), "create");
    });
  }

  #takeHandle(call: GatedCall): void {
    if (this.#openFiles >= this.#openFilesMax) throw failure(call, "EMFILE");
    this.#openFiles += 1;
  }

  async #release(directory: DirectoryNode, path: string): Promise<void> {
    await this.#gate.observeLater({ operation: "release", path }, () => {
      this.#locks.delete(directory.number);
      removeDurable(this.#state, { directory, name: lockName });
    });
  }
}
