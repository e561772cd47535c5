// What was done to a store and how each operation ended, and the prefix property over it: which states a crash may leave.
import type { CrashSubject, Failed, Promised } from "./crash-subject.ts";
import { initialOf, type KnownState } from "./known-states.ts";
import { stateText } from "./state-text.ts";
import { Violation } from "./violation.ts";

/** `open`: begun, and nobody knows yet. */
export type Ending = "open" | Promised | Failed;

/** How a life ended: a kill keeps what was written, a power cut only what was synced. */
export type Death = "kill" | "power";

/** The model of the store, as `CrashSubject` has it. */
export type Model<Command, State> = Pick<
  CrashSubject<never, Command, State>,
  "initial" | "apply" | "isIdle" | "matches"
>;

interface Operation<Command> {
  readonly command: Command;
  readonly text: string;
  readonly ending: Ending;
  /** Whether a reader has seen it after a crash. */
  readonly wasSeen: boolean;
}

/** One state that the operations allow: the last operation in it, and what it is. */
interface Candidate<Command, State> {
  /** How many of the operations it has, left out ones included. */
  readonly count: number;
  readonly left: readonly number[];
  readonly known: KnownState<Command, State>;
}

/** Operations whose fate is unknown double the states that are allowed; more than this many are no test any more. */
const unknownMax = 10;

/**
 * The operations of all lives of a store so far, in the order in which they were begun. It is the witness of O1 to O7:
 * `checkAfter` after a crash, `checkRead` in a life.
 */
export class OperationHistory<Command, State> {
  readonly #model: Model<Command, State>;
  #operations: Operation<Command>[] = [];
  /** Where an operation stands that was begun in the running life. */
  readonly #places: Map<number, number> = new Map();
  #nextId = 1;
  #isDoubtful = false;
  #shared: OperationHistory<Command, State> | undefined;
  #text: string | undefined;

  constructor(model: Model<Command, State>) {
    this.#model = model;
  }

  /** Whether the machine has broken its own word at some time: then not even what was durable is promised (see `after`). */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  get length(): number {
    return this.#operations.length;
  }

  /** How many of the operations were turned down, or ended without anybody knowing how. */
  get failed(): number {
    return this.endings.filter((ending) => ending === "rejected" || ending === "unknown").length;
  }

  get endings(): readonly Ending[] {
    return this.#operations.map(({ ending }) => ending);
  }

  /** Two histories with the same text allow the same states. */
  get text(): string {
    this.#text ??= this.#operations
      .filter((operation) => !this.#isIdle(operation))
      .map(({ text, ending }) => `${ending} ${text}`)
      .join("\n");
    return this.#text;
  }

  /** A copy as of now; the same one as long as nothing changes. */
  snapshot(): OperationHistory<Command, State> {
    if (this.#shared === undefined) {
      this.#shared = this.fork();
      this.#shared.#text = this.#text;
    }
    return this.#shared;
  }

  /** A copy that goes its own way. */
  fork(): OperationHistory<Command, State> {
    const copy = new OperationHistory(this.#model);
    copy.#operations = [...this.#operations];
    copy.#isDoubtful = this.#isDoubtful;
    return copy;
  }

  /** An operation begins; the number is for `end`. */
  begin(command: Command): number {
    const id = this.#nextId++;
    this.#places.set(id, this.#operations.length);
    this.#operations.push({
      command,
      text: JSON.stringify(command),
      ending: "open",
      wasSeen: false,
    });
    this.#changed();
    return id;
  }

  end(id: number, ending: Ending): void {
    const place = this.#places.get(id);
    const operation = place === undefined ? undefined : this.#operations[place];
    if (place === undefined || operation === undefined) return;
    this.#operations[place] = { ...operation, ending };
    this.#changed();
  }

  /** Everything that ended well before is promised now: a flush or a clean close has resolved. */
  promiseAll(promised: Promised): void {
    if (promised === "nothing") return;
    this.#operations = this.#operations.map((operation) => {
      const isWeaker = operation.ending === "nothing" || operation.ending === "written";
      return isWeaker ? { ...operation, ending: promised } : operation;
    });
    this.#changed();
  }

  /**
   * What the next life can count on: of operations that were only written a power cut promises nothing; and of none where
   * the machine does not keep what it has called durable.
   */
  after(death: Death, keepsDurable = true): OperationHistory<Command, State> {
    if (death === "kill") return this.snapshot();
    const weaker = this.fork();
    weaker.#isDoubtful ||= !keepsDurable;
    weaker.#operations = this.#operations.map((operation) => {
      const isLost =
        operation.ending === "written" || (!keepsDurable && operation.ending === "durable");
      return isLost ? { ...operation, ending: "nothing", wasSeen: false } : operation;
    });
    return weaker;
  }

  /**
   * Checks the state that was found after a death (O1 durability, O2 no hole, O3 no phantom, O4 atomicity, O5 order), and
   * returns the history that all later lives must hold: what was seen once stays (O7).
   */
  checkAfter(death: Death, state: State): OperationHistory<Command, State> {
    const found = this.#find(state, death === "kill" ? ["durable", "written"] : ["durable"]);
    const next = new OperationHistory(this.#model);
    next.#isDoubtful = this.#isDoubtful;
    next.#operations = this.#operations
      .slice(0, found.count)
      .filter(({ ending }, at) => ending !== "rejected" && !found.left.includes(at))
      .map((operation) => ({ ...operation, ending: "durable", wasSeen: true }));
    return next;
  }

  /** Checks what a reader sees in a life: everything acknowledged before the read began, and no half operation (O6). */
  checkRead(state: State): void {
    this.#find(state, ["durable", "written", "nothing"]);
  }

  /** The state that all operations make which were not rejected. */
  finalState(): State {
    return (this.#candidates().at(-1) as Candidate<Command, State>).known.state;
  }

  #find(state: State, promised: readonly Ending[]): Candidate<Command, State> {
    let must = 0;
    for (const [at, { ending }] of this.#operations.entries()) {
      if (promised.includes(ending)) must = at + 1;
    }
    const candidates = this.#candidates();
    // The longest: what follows without a trace is there as well.
    const isLike = this.#likeness(state);
    const found = lastOf(candidates, (candidate) => isLike(candidate.known));
    if (found === undefined) throw this.#unexplained(stateText(state), candidates, must);
    if (found.count < must) {
      const lost = this.#operations.findIndex(
        ({ ending }, at) => at >= found.count && promised.includes(ending),
      );
      throw this.#lost(lost, found.count);
    }
    return found;
  }

  #likeness(found: State): (due: KnownState<Command, State>) => boolean {
    const { matches } = this.#model;
    if (matches !== undefined) return ({ state }) => matches(state, found);
    const text = stateText(found);
    return (due) => due.text === text;
  }

  /** Every state that some first operations make, in order; those that may be missing are left out as well as in. */
  #candidates(): Candidate<Command, State>[] {
    const first = { count: 0, left: [], known: initialOf(this.#model) };
    let front: Candidate<Command, State>[] = [first];
    const all = [...front];
    let unknown = 0;
    for (const [at, { command, text, ending }] of this.#operations.entries()) {
      const isOptional = ending === "unknown" && ++unknown <= unknownMax;
      const next = front.flatMap((before) => {
        const without = { ...before, count: at + 1, left: [...before.left, at] };
        if (ending === "rejected") return [without];
        const known = before.known.after(command, text);
        const taken = { count: at + 1, left: before.left, known };
        return isOptional ? [without, taken] : [taken];
      });
      front = next;
      all.push(...next);
    }
    return all;
  }

  #isIdle({ command, ending }: Operation<Command>): boolean {
    if (ending === "durable" || ending === "written") return false;
    return this.#model.isIdle?.(command) === true;
  }

  #lost(at: number, count: number): Violation {
    const { text, ending, wasSeen } = this.#operations[at] as Operation<Command>;
    const which = `operation ${at + 1} (${text})`;
    const found = `is lost: found the state after ${count} of ${this.length} operations`;
    return wasSeen
      ? new Violation("O7 seen is durable", `${which} was seen and ${found}`)
      : new Violation("O1 durability", `${which} was acknowledged as ${ending} and ${found}`);
  }

  #unexplained(
    text: string,
    candidates: readonly Candidate<Command, State>[],
    must: number,
  ): Violation {
    const due = lastOf(candidates, ({ count }) => count >= must);
    const known = this.#operations.map((operation) => `${operation.text} ${operation.ending}`);
    return new Violation(
      "O2 prefix",
      `no first operations of [${known.join(", ")}] make the state that was found: ${shortened(text)}; due is ${shortened(due?.known.text ?? "")}`,
    );
  }

  #changed(): void {
    this.#shared = undefined;
    this.#text = undefined;
  }
}

function lastOf<T>(list: readonly T[], is: (item: T) => boolean): T | undefined {
  for (let at = list.length - 1; at >= 0; at--) if (is(list[at] as T)) return list[at];
  return undefined;
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}... (${text.length} characters)` : text;
}
