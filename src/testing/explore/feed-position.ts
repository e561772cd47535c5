// Positions in a feed: those that a store keeps for a reader (S5), those that it must refuse (S8, S9), and a start from a snapshot (S8).
import type { FeedEvent } from "./feed-witness.ts";
import { stateText } from "./state-text.ts";
import { Violation } from "./violation.ts";

/** What is known of a position that the store itself keeps for a reader, as an acknowledgement or a cursor. It is outside of the machine. */
export class PositionWitness {
  #asked = 0;
  #kept = 0;

  /** What is surely stored: everything up to here was acknowledged by the reader, and that has resolved. */
  get kept(): number {
    return this.#kept;
  }

  /** Equal where the same is known, for `CrashSubject.worldText`. */
  get text(): string {
    return `${this.#kept} of ${this.#asked}`;
  }

  copy(): PositionWitness {
    const copy = new PositionWitness();
    copy.#asked = this.#asked;
    copy.#kept = this.#kept;
    return copy;
  }

  /** The reader asks for this position to be stored: from now on it may be. */
  ask(position: number): void {
    this.#asked = Math.max(this.#asked, position);
  }

  /** The store has said that this one is stored. */
  keep(position: number): void {
    this.#kept = Math.max(this.#kept, position);
  }

  /**
   * After a crash: the position found was asked for, and is none that others had already replaced. What was found once must
   * stay (O7).
   */
  checkFound(position: number): void {
    if (position < this.#kept || position > this.#asked) {
      const due = `${this.#kept} to ${this.#asked}`;
      throw new Violation("S5 resumable", `position ${position} is stored, due is ${due}`);
    }
    this.#kept = position;
  }

  /** S5: a reader that goes on from `position` is given just what comes behind it. */
  static checkRest(
    log: readonly FeedEvent[],
    position: number,
    given: readonly { readonly sequence: number }[],
  ): void {
    const due = log.filter(({ sequence }) => sequence > position);
    const wrong = due.findIndex(({ sequence }, at) => given[at]?.sequence !== sequence);
    if (wrong < 0 && given.length === due.length) return;
    const at = wrong < 0 ? due.length : wrong;
    const [is, was] = [given[at]?.sequence ?? "nothing", due[at]?.sequence ?? "nothing"];
    throw new Violation("S5 resumable", `behind ${position} comes ${is} where ${was} is due`);
  }
}

/** S8 and S9: a position that is not served is refused with an error that `isRefusal` knows, before or while it is read. */
export async function checkRefused(
  property: "S8 horizon" | "S9 ahead",
  read: () => unknown,
  isRefusal: (error: unknown) => boolean,
): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (isRefusal(error)) return;
    throw error;
  }
  throw new Violation(property, "a position that must be refused is served");
}

/**
 * S8: a reader that starts with a snapshot has, with all that comes behind it, what the store shows. `told` is what it was
 * given first and last, in order; `apply` may change the state it is given, and `shows` says what is to be seen of it.
 */
export async function checkSnapshotStart<State, Told, Shown>(
  told: AsyncIterable<Told> | Iterable<Told>,
  initial: State,
  apply: (state: State, told: Told) => State,
  shows: (state: State) => Shown,
  shown: Shown,
): Promise<void> {
  let state = initial;
  for await (const each of told) state = apply(state, each);
  const [made, due] = [stateText(shows(state)), stateText(shown)];
  if (made === due) return;
  throw new Violation("S8 horizon", `snapshot and tail make ${made}, shown is ${due}`);
}
