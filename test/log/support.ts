// A log on a simulated disk, without a graph on it: batches of events go in, readers come out.
import { EventBatch } from "../../src/log/event-batch.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { SegmentLog } from "../../src/log/segment-log.ts";
import { createDirectory, createManifest } from "../../src/recovery/database-directory.ts";
import { recover } from "../../src/recovery/recover.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";

export interface TestLog {
  readonly log: SegmentLog;
  readonly ports: SimulatedPorts;
  readonly batch: EventBatch;
}

export interface TestLogOptions {
  readonly segmentBytes?: number;
  readonly frameCacheBytes?: number;
  readonly allocationFlushMs?: number;
}

/** Reads records as replay does, and forgets them. */
const nowhere = {
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number): number {
    countReader.open(bytes, from, to, firstLsn);
    while (countReader.next());
    return countReader.nextLsn;
  },
};

const countReader: EventReader = new EventReader();

export async function openLog(
  options: TestLogOptions = {},
  ports: SimulatedPorts = simulatedPorts(),
): Promise<TestLog> {
  const { segmentBytes = 64 * 1024, frameCacheBytes = 2 ** 20, allocationFlushMs = 5000 } = options;
  if (ports.disk.listAll().length === 0) {
    await createDirectory(ports.disk, "/db", "missing");
    await (await createManifest(ports, "/db")).close();
  }
  const { parts } = await recover(ports, "/db", { segmentBytes }, nowhere);
  const settings = { segmentBytes, frameCacheBytes, allocationFlushMs, syncIntervalMs: 1000 };
  return { log: new SegmentLog(parts, settings), ports, batch: new EventBatch(new NameTable()) };
}

/** Accepts one transaction that `write` fills; resolves once it is durable. */
export function commit({ log, batch }: TestLog, write: (batch: EventBatch) => void): Promise<void> {
  batch.begin(log.nextLsn);
  write(batch);
  batch.commit();
  return new Promise((resolve, reject) => {
    log.accept(batch, "group", { acknowledge: resolve, reject });
  });
}
