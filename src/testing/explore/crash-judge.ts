// Judges one crash state: boots it, checks what is found, lives on, cuts the power again, and boots twice more.
import { dropAll } from "../survival.ts";
import { CrashLife } from "./crash-life.ts";
import { copyOfWorld } from "./crash-points.ts";
import type { CrashState } from "./crash-state.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { KnownLives } from "./known-lives.ts";
import { Violation } from "./violation.ts";

export interface JudgeOptions<Store, Command, State, World> {
  readonly seed: number;
  /** Whether to go on from there as well, cut the power and boot once more (O7, O10, O12, O14); default true. */
  readonly livesOn?: boolean;
  /** Whether to see as well that a recovery after an orderly end changes nothing (O8); default true. */
  readonly isThorough?: boolean;
  /**
   * Lives behind the first recovery that were sound before: recoveries of different states often leave the same, of which nothing
   * else can come.
   */
  readonly known?: KnownLives<Store, Command, State, World>;
  /** Hears what is done, line by line. */
  readonly tell?: (words: string) => void;
}

/**
 * Throws a `Violation` where the next process finds less, more or other than was promised (O1 to O7, O9), cannot go on
 * (O10), leaves something behind (O12, O14), or where a second recovery finds something else than the first, or something
 * to mend (O8).
 * Returns what the recovery said of itself.
 *
 * The disk and the world of the state are used up.
 */
export async function judgeCrash<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  state: CrashState<Command, State, World>,
  options: JudgeOptions<Store, Command, State, World>,
): Promise<readonly string[]> {
  const { seed, tell = () => {}, isThorough = true, livesOn = true } = options;
  const { known = new KnownLives(subject) } = options;
  const { death } = state;
  if (!livesOn) return await judgeBoot(subject, state, seed);
  const steps = subject.afterwards ?? subject.alphabet.slice(0, 1);
  const orderly = isThorough && subject.close !== undefined;
  if (orderly) {
    tell("recovers, and closes; recovers once more");
    const disk = state.disk.clone();
    const copy = { ...state, disk, world: copyOfWorld(subject, state.world) };
    await judgeOrderlyEnd(subject, copy, seed, known);
  }
  const first = new CrashLife(subject, state, { seed, steps, closes: false });
  tell(`recovers, then does ${JSON.stringify(steps)}`);
  await first.run(death);

  // Life goes on, and what it did survives the next power cut.
  const disk = state.disk.powerCut(dropAll);
  first.stop();
  const { history, world } = { history: first.history, world: state.world };
  tell("everything that is not durable is lost; recovers, and closes");
  const next = { disk, death: "power", history, world } as const;
  const kind = `${orderly ? "orderly" : "end"} ${seed}`;
  const live = async (): Promise<void> => {
    if (orderly) await judgeOrderlyEnd(subject, next, seed, known);
    else (await judgeEnd(subject, next, seed)).stop();
  };
  await known.once(kind, next, live).catch(asLifeAfter);
  return first.traits;
}

/** The next process finds what is due. Nothing is done with it. */
async function judgeBoot<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  state: CrashState<Command, State, World>,
  seed: number,
): Promise<readonly string[]> {
  const life = new CrashLife(subject, state, { seed, steps: [], closes: false });
  await life.run(state.death);
  life.stop();
  return life.traits;
}

/** The next process finds what is due and closes; the one after it finds the same and nothing to mend, whatever the close left at risk. */
async function judgeOrderlyEnd<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  state: CrashState<Command, State, World>,
  seed: number,
  known: KnownLives<Store, Command, State, World>,
): Promise<void> {
  const ended = await judgeEnd(subject, state, seed);
  const { history, closedWith } = ended;
  const isQuiet = closedWith === "durable";
  const death = isQuiet ? "power" : "kill";
  const disk = isQuiet ? state.disk.powerCut(dropAll) : state.disk.clone();
  ended.stop();
  const again = { disk, death, history, world: state.world } as const;
  await known.once(`last ${isQuiet} ${seed}`, again, async () => {
    const last = new CrashLife(subject, again, { seed, steps: [], closes: true, isQuiet });
    await last.run(death);
    last.stop();
  });
}

async function judgeEnd<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  state: CrashState<Command, State, World>,
  seed: number,
): Promise<CrashLife<Store, Command, State, World>> {
  const life = new CrashLife(subject, state, { seed, steps: [], closes: true });
  await life.run(state.death);
  checkFiles(subject, state, life.history.finalState());
  return life;
}

/** What was promised after the recovery is another thing than what was promised before the crash. */
function asLifeAfter(error: unknown): never {
  if (!(error instanceof Violation) || error.property !== "O1 durability") throw error;
  throw new Violation("O10 life goes on", `after the recovery: ${error.message}`);
}

function checkFiles<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  { disk }: CrashState<Command, State, World>,
  state: State,
): void {
  const strays = subject.strays?.(disk, state) ?? [];
  if (strays.length > 0) {
    throw new Violation("O12 no leaks", `nothing accounts for ${strays.join(", ")}`);
  }
  const bytesMax = subject.bytesMax?.(state);
  if (bytesMax !== undefined && disk.allocatedBytes() > bytesMax) {
    throw new Violation("O14 space", `${disk.allocatedBytes()} bytes, at most ${bytesMax} are due`);
  }
}
