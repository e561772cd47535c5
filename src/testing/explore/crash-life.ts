// One life of a store on a simulated machine, from its boot to its close: runs the steps, notes how each operation ends, and
// checks what holds without any crash. Whoever listens hears every place at which the life could be cut short.

import { keepsDurable } from "../disk-profile.ts";
import type { FaultRule } from "../faults.ts";
import type { SimulatedDisk } from "../simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../simulated-ports.ts";
import { type CrashSite, endOfStep } from "./crash-plan.ts";
import type { CrashState } from "./crash-state.ts";
import { type CrashSubject, type Promised, reopen, type Step } from "./crash-subject.ts";
import { filesFingerprint } from "./disk-fingerprint.ts";
import type { Death, OperationHistory } from "./operation-history.ts";
import { settle } from "./settle.ts";
import { Violation } from "./violation.ts";

export interface LifeOptions<Command, State, World> {
  readonly seed: number;
  readonly steps: readonly Step<Command>[];
  readonly closes: boolean;
  /** Whether the life before ended in order, so that there is nothing to mend (O8). */
  readonly isQuiet?: boolean;
  readonly faults?: readonly FaultRule[];
  readonly delays?: readonly number[];
  /** Called at each place where the life may be cut short. */
  readonly onSite?: (
    site: CrashSite,
    known: { readonly history: OperationHistory<Command, State>; readonly world: World },
  ) => void;
}

/**
 * A sync takes time: whoever acknowledges while it is under way has told so, and been heard, before a crash just before its effect.
 * A turn is one of a promise; so many are enough for a store of some layers.
 */
const syncTurns = 32;

export class CrashLife<Store, Command, State, World> {
  readonly #subject: CrashSubject<Store, Command, State, World>;
  readonly #disk: SimulatedDisk;
  readonly #world: World;
  readonly #options: LifeOptions<Command, State, World>;
  readonly #met: Map<string, number> = new Map();
  readonly #traits: string[] = [];
  #closedWith: Promised = "nothing";
  #history: OperationHistory<Command, State>;
  #ports!: SimulatedPorts;
  #store: Store | undefined;

  /** Changes the disk and the world that it is given, not the history. */
  constructor(
    subject: CrashSubject<Store, Command, State, World>,
    start: CrashState<Command, State, World>,
    options: LifeOptions<Command, State, World>,
  ) {
    this.#subject = subject;
    this.#disk = start.disk;
    this.#world = start.world;
    this.#options = options;
    this.#history = start.history.after(start.death, keepsDurable(start.disk.profile)).fork();
  }

  /** What is known of the store at the moment. */
  get history(): OperationHistory<Command, State> {
    return this.#history;
  }

  /** What the recoveries of this life have said of themselves. */
  get traits(): readonly string[] {
    return this.#traits;
  }

  /** What the last orderly close has promised. */
  get closedWith(): Promised {
    return this.#closedWith;
  }

  get #hasFaults(): boolean {
    return (this.#options.faults?.length ?? 0) > 0;
  }

  /** Whether the store may be refused what it asks of the machine, or may find what nobody could keep. */
  get #mayFail(): boolean {
    return this.#hasFaults || this.#history.isDoubtful;
  }

  /** Throws a `Violation` where a promise is broken. */
  async run(death: Death): Promise<void> {
    this.#listen();
    try {
      this.#disk.faults.push(...(this.#options.faults ?? []));
      await this.#open(death, this.#options.isQuiet === true);
      if (this.#store === undefined) return;
      this.#tell(endOfStep(0));
      for (const [at, step] of this.#options.steps.entries()) {
        await this.#step(step);
        if (this.#store === undefined) return;
        this.#tell(endOfStep(at + 1));
        // What failed is told to the caller, and readers see just that, at once.
        if (this.#hasFaults) await this.#read();
      }
      // The opening has read already what there is where nothing was done.
      if (this.#options.steps.length > 0) await this.#read();
      if (this.#options.closes) await this.#close();
    } finally {
      this.#disk.onCall = undefined;
      this.#disk.delay = undefined;
      this.#disk.faults.length = 0;
    }
  }

  /** The process is gone: whatever it still had in mind does not happen. */
  stop(): void {
    this.#ports.scheduler.stop();
    this.#disk.stop();
  }

  async #open(death: Death, isQuiet: boolean): Promise<void> {
    this.#ports = simulatedPorts({
      disk: this.#disk,
      seed: this.#options.seed,
      tasks: "automatic",
    });
    const { open, check, read } = this.#subject;
    const files = this.#mayFail ? this.#files() : undefined;
    let store: Store | undefined;
    try {
      store = await settle(this.#ports, "open", open(this.#ports, this.#world));
      if (isQuiet) this.#requireQuiet(store);
      const state = await settle(this.#ports, "read", read(store, this.#world));
      this.#history = this.#history.checkAfter(death, state);
      const checked = settle(this.#ports, "check", check?.(store, state, this.#world));
      await checked.catch(asCheck);
      this.#traits.push(...(this.#subject.traits?.(store) ?? []));
      this.#store = store;
    } catch (error) {
      this.#allow("open", error);
      if (store !== undefined) return;
      this.#requireNoLeak("a refused open");
      this.#traits.push("refused");
      if (this.#subject.isRefusal?.(error) !== true || files === this.#files()) return;
      throw new Violation("O13 refusal is harmless", `files changed: ${(error as Error).message}`);
    }
  }

  #files(): string | undefined {
    if (this.#subject.isRefusal === undefined) return undefined;
    return filesFingerprint(this.#disk, this.#subject.isScratch);
  }

  #requireQuiet(store: Store): void {
    if (this.#mayFail) return;
    const mended = this.#subject.mended?.(store) ?? [];
    if (mended.length === 0) return;
    throw new Violation("O8 idempotence", `after an orderly close: ${mended.join(", ")}`);
  }

  async #step(step: Step<Command>): Promise<void> {
    if (step === reopen) {
      await this.#close();
      await this.#open("kill", this.#closedWith === "durable");
    } else if (typeof step === "string" && step.startsWith("@wait:")) {
      await this.#ports.scheduler.advance(Number(step.slice("@wait:".length)));
    } else {
      const together = (Array.isArray(step) ? step : [step]) as readonly Command[];
      await Promise.all(together.map((command) => this.#run(command)));
    }
  }

  async #run(command: Command): Promise<void> {
    const id = this.#history.begin(command);
    const begun = this.#history;
    try {
      const running = this.#subject.run(this.#store as Store, command, this.#world);
      const promised = await settle<unknown>(this.#ports, JSON.stringify(command), running);
      begun.end(id, (promised ?? "durable") as Promised);
    } catch (error) {
      const failed = this.#subject.failed?.(error, command) ?? "unknown";
      begun.end(id, failed);
      if (failed === "unknown") this.#allow(JSON.stringify(command), error);
    }
  }

  async #read(): Promise<void> {
    try {
      const read = this.#subject.read(this.#store as Store, this.#world);
      const state = await settle(this.#ports, "read", read);
      this.#history.checkRead(state);
    } catch (error) {
      this.#allow("read", error);
    }
  }

  async #close(): Promise<void> {
    const { close } = this.#subject;
    const store = this.#store as Store;
    this.#store = undefined;
    this.#closedWith = "nothing";
    if (close === undefined) return;
    let promised: unknown = "nothing";
    try {
      promised = await settle<unknown>(this.#ports, "close", close(store, this.#world));
    } catch (error) {
      this.#allow("close", error);
    }
    this.#closedWith = (promised ?? "nothing") as Promised;
    this.#history.promiseAll(this.#closedWith);
    this.#requireNoLeak("close");
    if (this.#ports.scheduler.pending > 0) {
      throw new Violation("O12 no leaks", `${this.#ports.scheduler.pending} timers after close`);
    }
  }

  /** A violation always counts; another error where nothing was made to fail, or where the store does not call it honest. */
  #allow(what: string, error: unknown): void {
    if (error instanceof Violation) throw error;
    const isExpected = this.#mayFail && this.#subject.isHonest?.(error) !== false;
    if (isExpected) return;
    const { name, message, stack } = error as Error;
    const violation = new Violation("O10 life goes on", `${what} failed: ${name}: ${message}`);
    if (stack !== undefined) violation.cause = error;
    throw violation;
  }

  #requireNoLeak(what: string): void {
    if (this.#disk.openFiles === 0) return;
    throw new Violation("O12 no leaks", `${what} keeps ${this.#disk.openFiles} files open`);
  }

  #listen(): void {
    const { onSite, delays = [] } = this.#options;
    if (onSite !== undefined) {
      this.#disk.onCall = ({ operation, path, phase }) => {
        const key = `${phase} ${operation} ${path}`;
        const occurrence = (this.#met.get(key) ?? 0) + 1;
        this.#met.set(key, occurrence);
        this.#tell({ phase, operation, path, occurrence });
      };
    }
    let call = 0;
    this.#disk.delay = async (operation) => {
      const isSync = operation === "sync" || operation === "syncDirectory";
      const turns = (delays[call++] ?? 0) * 8 + (isSync ? syncTurns : 0);
      for (let turn = 0; turn < turns; turn++) await undefined;
    };
  }

  #tell(site: CrashSite): void {
    this.#options.onSite?.(site, { history: this.#history, world: this.#world });
  }
}

/** What the store's own check says is a finding, whatever the faults. */
function asCheck(error: unknown): never {
  if (error instanceof Violation) throw error;
  const violation = new Violation("O9 check", (error as Error).message);
  violation.cause = error;
  throw violation;
}
