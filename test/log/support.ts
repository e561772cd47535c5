// A log on a simulated disk, without a graph on it: batches of events go in, readers come out.
import { EventBatch } from "../../src/log/event-batch.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { SegmentLog } from "../../src/log/segment-log.ts";
import { createDirectory, createManifest } from "../../src/recovery/database-directory.ts";
import { recover } from "../../src/recovery/recover.ts";
import { noBase, type RecoveryBase } from "../../src/recovery/recovery-base.ts";
import type { RecoveryReport } from "../../src/recovery/recovery-report.ts";
import type { ReplaySink } from "../../src/recovery/replay.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";

export interface TestLog {
  readonly log: SegmentLog;
  readonly ports: SimulatedPorts;
  readonly batch: EventBatch;
  readonly report: RecoveryReport;
}

export interface TestLogOptions {
  readonly segmentBytes?: number;
  readonly frameCacheBytes?: number;
  readonly allocationFlushMs?: number;
  readonly sink?: ReplaySink;
  readonly base?: RecoveryBase;
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
  const { sink = nowhere, base = noBase } = options;
  if (ports.disk.listAll().length === 0) {
    await createDirectory(ports.disk, "/db", "missing");
    await (await createManifest(ports, "/db")).close();
  }
  const { parts, report } = await recover(ports, "/db", { segmentBytes }, sink, base);
  const settings = { segmentBytes, frameCacheBytes, allocationFlushMs, syncIntervalMs: 1000 };
  const log = new SegmentLog(parts, settings);
  return { log, ports, batch: new EventBatch(new NameTable()), report };
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
