// What the explorer must be told of a store to break it: how to open it, what to do with it, and what it promises.
import type { SimulatedDisk } from "../simulated-disk.ts";
import type { SimulatedPorts } from "../simulated-ports.ts";

/**
 * What an operation that has ended well is promised to survive. `durable`: everything; `written`: the death of the
 * process, not of the machine; `nothing`: it may still be lost, with all behind it.
 */
export type Promised = "durable" | "written" | "nothing";

/** What an operation that failed left: `rejected`: surely nothing; `unknown`: it may be there or not. */
export type Failed = "rejected" | "unknown";

/** Closes the store in order and opens it again. */
export const reopen = "@reopen";

/** Lets so much virtual time pass; whatever falls due runs. */
export function wait(ms: number): `@wait:${number}` {
  return `@wait:${ms}`;
}

/** A command; several that begin together; or `reopen` or `wait(ms)`. */
export type Step<Command> = Command | readonly Command[] | typeof reopen | `@wait:${number}`;

/**
 * A store and what it promises, in terms of a model: the states that its operations make, one after the other. Whatever
 * a crash leaves must be the state after some first operations, with all those that were promised to survive.
 *
 * Commands are plain JSON values, no lists and no texts that begin with `@`, so that a plan of them fits on a line.
 * `World` is what lies outside of the machine and so survives every crash: mails sent, payments made.
 */
export interface CrashSubject<Store, Command, State, World = undefined> {
  /** Boots a process on the disk that a crash has left, or on a fresh one. */
  readonly open: (ports: SimulatedPorts, world: World) => Promise<Store>;
  /** Ends a process in order. What it resolves with holds for everything before it; default `nothing`. */
  readonly close?: (store: Store, world: World) => Promise<Promised | undefined> | Promise<void>;
  /** Resolves where the store acknowledges, with what that promises; nothing stands for `durable`. */
  readonly run: (
    store: Store,
    command: Command,
    world: World,
  ) => Promise<Promised | undefined> | Promise<void>;
  /** Everything that readers can see, in a form that `stateText` makes equal for equal states. */
  readonly read: (store: Store, world: World) => State | Promise<State>;

  /** The state of a store that nothing has happened to. */
  readonly initial: () => State;
  /** The state after one more command; the state before it stays as it is. */
  readonly apply: (state: State, command: Command) => State;
  /**
   * Whether what readers found is a state that the model makes, where the same state may read in several ways: of a store that
   * drops its past, or cleans up when it likes. Default: both have the same `stateText`.
   */
  readonly matches?: (due: State, found: State) => boolean;

  /** The commands that sequences are made of. */
  readonly alphabet: readonly Command[];
  /**
   * A command that leaves every state as it is, such as one that reads. Where it promises nothing, whether it was begun or has
   * ended makes no two crash states different.
   */
  readonly isIdle?: (command: Command) => boolean;
  /** What is done after each recovery to see that life goes on; default the first command of the alphabet. */
  readonly afterwards?: readonly Command[];
  /** Default: nobody knows (`unknown`). */
  readonly failed?: (error: unknown, command: Command) => Failed;
  /** More that must hold of a store just opened: indexes, lookups, the world. Throws where it does not. */
  readonly check?: (store: Store, state: State, world: World) => void | Promise<void>;
  /** An answer of `open` or of a read that is no silent loss: it says that something is damaged or failing. */
  readonly isHonest?: (error: unknown) => boolean;
  /**
   * An answer of `open` that says: here is something that I do not touch (damaged, of a newer version, of somebody else).
   * It must leave every file as it is (O13).
   */
  readonly isRefusal?: (error: unknown) => boolean;
  /** What an opening had to mend. After an orderly close there must be nothing (O8). */
  readonly mended?: (store: Store) => readonly string[];
  /** The machine to begin with; default an empty one with strict rules. */
  readonly disk?: (seed: number) => SimulatedDisk;
  /** Files whose content makes no difference to what is recovered: two disks that differ in these alone are one. */
  readonly isScratch?: (path: string) => boolean;
  /** The files of a closed store that nothing accounts for; see O12. */
  readonly strays?: (disk: SimulatedDisk, state: State) => readonly string[];
  /** Bytes that the files of a closed store may take; see O14. */
  readonly bytesMax?: (state: State) => number;
  /** What a recovery says of itself: counted in the report, so that a test can see that each way was met. */
  readonly traits?: (store: Store) => readonly string[];
  /** The world that a fresh machine stands in; copied for each crash with `copyWorld`, default `structuredClone`. */
  readonly world?: () => World;
  readonly copyWorld?: (world: World) => World;
  /** Equal for worlds that make no difference, so that equal states are judged once; default `stateText`. */
  readonly worldText?: (world: World) => string;
}
