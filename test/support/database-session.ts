// One process that has a database open, for tests that steer it by hand, and what is known of it.
import {
  dropAll,
  OperationHistory,
  type Promised,
  type SimulatedDisk,
  type Survival,
  settle,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { Command, View } from "./commit-model.ts";
import { type DatabaseSubject, databaseSubject, type Running } from "./database-subject.ts";

export class DatabaseSession {
  readonly subject: DatabaseSubject;
  readonly running: Running;
  readonly history: OperationHistory<Command, View>;

  constructor(
    subject: DatabaseSubject,
    running: Running,
    history: OperationHistory<Command, View>,
  ) {
    this.subject = subject;
    this.running = running;
    this.history = history;
  }

  static async begin(
    disk: SimulatedDisk,
    subject: DatabaseSubject = databaseSubject({ hasGaps: true }),
  ): Promise<DatabaseSession> {
    const ports = simulatedPorts({ disk, seed: 7, tasks: "automatic" });
    const running = await subject.open(ports, undefined);
    return new DatabaseSession(subject, running, new OperationHistory(subject));
  }

  async submit(command: Command): Promise<PromiseSettledResult<Promised>> {
    const { subject, running, history } = this;
    const id = history.begin(command);
    const work = subject.run(running, command, undefined) as Promise<Promised>;
    const [result] = await Promise.allSettled([this.settled(work)]);
    const { status } = result;
    history.end(
      id,
      status === "fulfilled" ? result.value : subject.failed!(result.reason, command),
    );
    return result;
  }

  /** Throws where it takes for ever. */
  settled<T>(work: Promise<T>): Promise<T> {
    return settle(this.running.ports, "a call", work);
  }

  /** Readers see just what was acknowledged. */
  async checkRead(): Promise<void> {
    this.history.checkRead(await this.subject.read(this.running, undefined));
  }

  /** The process dies, or the power goes with everything that is not durable and does not survive: the next one finds what is due. */
  async next(
    how: "kill" | "power",
    disk: SimulatedDisk,
    survival: Survival = dropAll,
  ): Promise<DatabaseSession> {
    const { subject, history } = this;
    const left = how === "kill" ? disk.clone() : disk.powerCut(survival);
    const { running } = await DatabaseSession.begin(left, subject);
    const found = history.checkAfter(how, await subject.read(running, undefined));
    return new DatabaseSession(subject, running, found);
  }
}
