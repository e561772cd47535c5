// Sees that a subscriber that throws, stalls or leaves changes nothing for another one, nor for the store: S10.
import type { SimulatedPorts } from "../simulated-ports.ts";
import { simulatedPorts } from "../simulated-ports.ts";
import { freshState } from "./crash-points.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { settle } from "./settle.ts";
import { stateText } from "./state-text.ts";
import { Violation } from "./violation.ts";

/** Hands everything delivered to `deliver` and waits for it; what it throws is the subscriber's own end. Returns how to leave. */
export type Subscribe<Store> = (
  store: Store,
  deliver: (batch: unknown) => void | Promise<void>,
) => () => void | Promise<void>;

export interface IsolationOptions<Command> {
  /** What is done while both subscribe. */
  readonly steps: readonly Command[];
  readonly seed?: number;
}

const neighbours = [
  "nobody else",
  "one that throws",
  "one that stalls",
  "one that leaves",
] as const;
type Neighbour = (typeof neighbours)[number];

/** So long a feed has to deliver what is there. */
const deliverMs = 1000;

/** Throws "S10 isolation" where somebody else makes a difference to what a subscriber is given, how operations end or what is stored. */
export async function checkIsolation<Store, Command, State, World = undefined>(
  subject: CrashSubject<Store, Command, State, World>,
  subscribe: Subscribe<Store>,
  options: IsolationOptions<Command>,
): Promise<void> {
  let alone: string | undefined;
  for (const neighbour of neighbours) {
    const seen = await lifeBeside(subject, subscribe, options, neighbour).catch((error: Error) => {
      throw new Violation("S10 isolation", `beside ${neighbour}: ${error.message}`);
    });
    alone ??= seen;
    if (seen === alone) continue;
    throw new Violation("S10 isolation", `beside ${neighbour}: ${seen}; alone: ${alone}`);
  }
}

async function lifeBeside<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  subscribe: Subscribe<Store>,
  { steps, seed = 1 }: IsolationOptions<Command>,
  neighbour: Neighbour,
): Promise<string> {
  const { disk, world } = freshState(subject, seed);
  const ports = simulatedPorts({ disk, seed, tasks: "automatic" });
  const store = await settle(ports, "open", subject.open(ports, world));
  const given: unknown[] = [];
  const endings: string[] = [];
  // The other one comes first: whoever is served in order is served behind it.
  const leaveFirst =
    neighbour === "nobody else" ? undefined : misbehave(store, subscribe, neighbour);
  const leave = subscribe(store, (batch) => {
    given.push(batch);
  });
  for (const command of steps) endings.push(await ended(ports, subject, store, command, world));
  await ports.scheduler.advance(deliverMs);
  const state = await settle(ports, "read", subject.read(store, world));
  await settle(ports, "leaving", leave());
  await settle(ports, "the other's leaving", leaveFirst?.());
  if (subject.close !== undefined)
    await settle<unknown>(ports, "close", subject.close(store, world));
  ports.scheduler.stop();
  return `given ${stateText(given)}, ended ${endings.join()}, stored ${stateText(state)}`;
}

function misbehave<Store>(
  store: Store,
  subscribe: Subscribe<Store>,
  neighbour: Neighbour,
): () => void | Promise<void> {
  const leave = subscribe(store, (): void | Promise<void> => {
    if (neighbour === "one that throws") throw new Error("the subscriber has a bug");
    if (neighbour === "one that stalls") return new Promise<void>(() => {});
    return leave();
  });
  return leave;
}

async function ended<Store, Command, State, World>(
  ports: SimulatedPorts,
  subject: CrashSubject<Store, Command, State, World>,
  store: Store,
  command: Command,
  world: World,
): Promise<string> {
  try {
    const work = subject.run(store, command, world) as Promise<unknown>;
    return String((await settle(ports, JSON.stringify(command), work)) ?? "durable");
  } catch (error) {
    if (error instanceof Violation) throw error;
    return (error as Error).name;
  }
}
