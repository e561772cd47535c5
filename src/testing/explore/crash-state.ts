// What a process finds when it boots, and a short name by which two such states are known to be the same.
import type { SimulatedDisk } from "../simulated-disk.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { diskFingerprint, textFingerprint } from "./disk-fingerprint.ts";
import type { Death, OperationHistory } from "./operation-history.ts";
import { stateText } from "./state-text.ts";

/** What a process finds when it boots, and what is known of it. */
export interface CrashState<Command, State, World> {
  readonly disk: SimulatedDisk;
  readonly death: Death;
  readonly history: OperationHistory<Command, State>;
  readonly world: World;
}

/** Equal where the disk shows the same and as much of it is at risk, the same was promised, and the world is the same. */
export function nameOfState<Store, Command, State, World>(
  { isScratch, worldText = stateText }: CrashSubject<Store, Command, State, World>,
  { disk, death, history, world }: CrashState<Command, State, World>,
): string {
  const content = diskFingerprint(disk, isScratch);
  const around = world === undefined ? "" : worldText(world);
  return textFingerprint(`${death} ${content} ${history.text} ${around}`);
}
