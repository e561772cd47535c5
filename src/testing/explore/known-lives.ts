// The lives that were found sound, by what they began with: an equal one, which would end the same, is not lived again.
import { type CrashState, nameOfState } from "./crash-state.ts";
import type { CrashSubject } from "./crash-subject.ts";

/** Some 100 MB. */
const rememberedMax = 1_000_000;

export class KnownLives<Store, Command, State, World> {
  readonly #subject: CrashSubject<Store, Command, State, World>;
  readonly #sound: Set<string> = new Set();

  constructor(subject: CrashSubject<Store, Command, State, World>) {
    this.#subject = subject;
  }

  /** Lives from `state`, unless an equal life was sound. What kind of life it is stands in `kind`. */
  async once(
    kind: string,
    state: CrashState<Command, State, World>,
    live: () => Promise<unknown>,
  ): Promise<void> {
    // A process draws its random numbers by the number of its boot.
    const { generation, capacityBytes } = state.disk;
    const around = `${generation} ${capacityBytes} ${state.history.isDoubtful}`;
    const name = `${kind} ${around} ${nameOfState(this.#subject, state)}`;
    if (this.#sound.has(name)) return;
    await live();
    if (this.#sound.size >= rememberedMax) this.#sound.clear();
    this.#sound.add(name);
  }
}
