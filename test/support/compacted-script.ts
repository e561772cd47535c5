// A log that is worth compacting, for tests that drive a compactor step by step: several segments of which little is still needed.

import type { SimulatedDisk } from "../../src/testing/testing.ts";
import { compactorOf } from "./compactor-of.ts";
import type { History } from "./crash-oracle.ts";
import { large, linked, type Opened, small } from "./crash-script.ts";
import { openLayered, rest } from "./layered-script.ts";

/** Four segments: things put again, patched and removed in later ones than those that made them, and state. */
export async function filledLife(history: History, disk: SimulatedDisk): Promise<Opened> {
  const opened = await openLayered(disk);
  const { db } = opened;
  await Promise.all([history.submit(db, small("a")), history.submit(db, small("lone"))]);
  await history.submit(db, { ...linked("b", "a"), mark: "first" });
  await history.submit(db, linked("c", "b"));
  await history.submit(db, large("big", 40_000));
  await history.submit(db, { steps: [{ link: ["a", "knows", "c"] }, { put: "c", props: {} }] });
  await history.submit(db, large("big", 40_000));
  await history.submit(db, { steps: [{ remove: "lone" }, { unlink: ["a", "knows", "c"] }] });
  await history.submit(db, { steps: [{ patch: "a", props: { n: 2 } }], mark: "second" });
  await history.submit(db, large("wide", 30_000));
  await history.submit(db, { steps: [{ remove: "big.1" }, { link: ["c", "next", "a"] }] });
  await history.submit(db, large("wide", 30_000));
  await rest(opened);
  await db.checkpoint();
  return opened;
}

/** Everything that may be is rewritten, as of now. */
export async function compactAll({ db }: Opened): Promise<number> {
  const compactor = compactorOf(db);
  const choice = compactor.everything(db.durableLsn);
  if (choice === undefined) return 0;
  return (await compactor.rewrite(choice)).segments;
}
