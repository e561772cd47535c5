// A life on a simulated disk with a copy of the disk before and after every call that changes it, for tests that look at each in a way of
// their own: copies that a reader or a backup makes while somebody writes.
import type { SimulatedDisk } from "../../src/testing/testing.ts";
import type { History } from "./crash-oracle.ts";
import { databasePath } from "./crash-script.ts";

/** One place of a life: the disk there and what was known. */
export interface Place<Known> {
  readonly label: string;
  readonly call: number;
  readonly phase: "before" | "after";
  readonly disk: SimulatedDisk;
  readonly known: Known;
}

export type CrashPoint = Omit<Place<History>, "known"> & { readonly history: History };

export async function record(
  disk: SimulatedDisk,
  history: () => History,
  life: () => Promise<void>,
): Promise<CrashPoint[]> {
  const points = await recordCalls(disk, () => history().snapshot(), life);
  return points.map(({ known, ...point }) => ({ ...point, history: known }));
}

/** The same with whatever is known at each place. */
export async function recordCalls<Known>(
  disk: SimulatedDisk,
  known: () => Known,
  life: () => Promise<void>,
): Promise<Place<Known>[]> {
  const places: Place<Known>[] = [];
  disk.onCall = ({ index, operation, path, phase }) => {
    const label = `${phase} ${index} ${operation} ${path.slice(databasePath.length)}`;
    places.push({ label, call: index, phase, disk: disk.clone(), known: known() });
  };
  try {
    await life();
  } finally {
    disk.onCall = undefined;
  }
  return places;
}
