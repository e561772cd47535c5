// What the tests of consumers share: events to deliver, a loop that acks, and where a consumer stands.
import { simulatedPorts } from "../../src/testing/testing.ts";
import type { Consumer, Database } from "../../src/varve.ts";
import { type Machine, machine } from "../database/support.ts";

export async function emit(db: Database, ...names: string[]): Promise<number> {
  let lastLsn = 0;
  for (const name of names) ({ lastLsn } = await db.transact((tx) => tx.emit(name, 0)));
  return lastLsn;
}

export function fresh(): Promise<Machine> {
  return machine({}, simulatedPorts({ tasks: "automatic" }));
}

/** Delivers everything that is durable, and acks all of it or nothing. */
export async function drain(consumer: Consumer, ack = true): Promise<number[]> {
  const lsns: number[] = [];
  for await (const batch of consumer) {
    lsns.push(...batch.changes.map(({ lsn }) => lsn));
    if (ack && batch.phase !== "snapshot") await consumer.ack(batch.lastLsn);
    if (batch.mark === "caught-up") break;
  }
  return lsns;
}

export function infoOf(db: Database, name: string): unknown {
  return db.consumers().find((one) => one.name === name);
}
