// The states that a model makes, each made once: what one command makes of one state is the same wherever a history comes to it.
import type { CrashSubject } from "./crash-subject.ts";
import { stateText } from "./state-text.ts";

/** Of a model so many states are kept: some lives share them, all lives would fill the memory. */
const statesMax = 2000;

type States<Command, State> = Pick<CrashSubject<never, Command, State>, "initial" | "apply">;

/** A state of a model, and those that it was seen to lead to, by the text of the command. */
export class KnownState<Command, State> {
  readonly state: State;
  readonly #model: States<Command, State>;
  readonly #next: Map<string, KnownState<Command, State>> = new Map();
  readonly #size: { states: number };
  #text: string | undefined;

  constructor(model: States<Command, State>, state: State, size: { states: number }) {
    this.#model = model;
    this.state = state;
    this.#size = size;
  }

  get text(): string {
    this.#text ??= stateText(this.state);
    return this.#text;
  }

  get isFull(): boolean {
    return this.#size.states >= statesMax;
  }

  after(command: Command, text: string): KnownState<Command, State> {
    const known = this.#next.get(text);
    if (known !== undefined) return known;
    const next = new KnownState(this.#model, this.#model.apply(this.state, command), this.#size);
    this.#next.set(text, next);
    this.#size.states += 1;
    return next;
  }
}

const known: WeakMap<object, KnownState<unknown, unknown>> = new WeakMap();

/** The state that a model begins with. */
export function initialOf<Command, State>(
  model: States<Command, State>,
): KnownState<Command, State> {
  const found = known.get(model) as KnownState<Command, State> | undefined;
  if (found !== undefined && !found.isFull) return found;
  const fresh = new KnownState(model, model.initial(), { states: 1 });
  known.set(model, fresh as unknown as KnownState<unknown, unknown>);
  return fresh;
}
