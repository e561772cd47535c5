// Opens a damaged database and judges how that ended: the same answers, or one of the errors that say where the damage is.
import type { RecoveryReport } from "../../src/recovery/recovery-report.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { VarveError } from "../../src/varve.ts";
import { digestOf, imageOf, openOn, sameImage } from "./specimen.ts";

const refusals: ReadonlySet<string> = new Set([
  "CORRUPT",
  "FORMAT_UNSUPPORTED",
  "NOT_A_DATABASE",
  "IO",
]);

export type Outcome =
  | { readonly kind: "same"; readonly recovery: RecoveryReport }
  | { readonly kind: "refused"; readonly code: string; readonly file: string };

/** Throws, naming the case, where the database answers otherwise, fails otherwise, or changes what it refuses. */
export async function outcomeOf(
  disk: SimulatedDisk,
  digest: string,
  what: string,
): Promise<Outcome> {
  let opened: Awaited<ReturnType<typeof openOn>>;
  try {
    opened = await openOn(disk);
  } catch (error) {
    return refusal(disk, error, what);
  }
  const { db } = opened;
  const found = await digestOf(db);
  await db.close();
  if (found !== digest) throw new Error(`${what}: other answers than before`);
  return { kind: "same", recovery: db.recovery };
}

function refusal(disk: SimulatedDisk, error: unknown, what: string): Outcome {
  if (!(error instanceof VarveError) || !refusals.has(error.code)) {
    throw new Error(`${what}: an error that says nothing of damage`, { cause: error });
  }
  const file = error.details["file"] ?? error.details["path"];
  if (typeof file !== "string") throw new Error(`${what}: no file is named`, { cause: error });
  // A refusal takes the lock and gives it back; no other call may have changed anything.
  const change = disk.trace.find(
    ({ operation }) => operation !== "lock" && operation !== "release",
  );
  if (change !== undefined) throw new Error(`${what}: refused, and changed ${change.path}`);
  return { kind: "refused", code: error.code, file };
}

/** As `outcomeOf`, comparing the whole image byte by byte where the database is refused. */
export async function outcomeAndImageOf(
  disk: SimulatedDisk,
  digest: string,
  what: string,
): Promise<Outcome> {
  const before = imageOf(disk);
  const outcome = await outcomeOf(disk, digest, what);
  if (outcome.kind === "same") return outcome;
  if (!sameImage(before, imageOf(disk))) throw new Error(`${what}: refused, and the image differs`);
  return outcome;
}
