// Those who want the active segment sealed before it is full: all of them get what one roll brings.
import type { CommitHost } from "./commit-host.ts";
import type { CommitTicket } from "./group.ts";
import { SyncFailure } from "./sync-failure.ts";

export class ForcedRolls {
  readonly #host: CommitHost;
  readonly #cutBack: () => Promise<void>;
  #tickets: CommitTicket[] = [];

  /** @param cutBack has the active segment take appends again behind what is written, durably. */
  constructor(host: CommitHost, cutBack: () => Promise<void>) {
    this.#host = host;
    this.#cutBack = cutBack;
  }

  request(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tickets.push({ acknowledge: resolve, reject });
    });
  }

  reject(error: unknown): void {
    for (const ticket of this.#tickets.splice(0)) ticket.reject(error);
  }

  /**
   * Begins the roll that is wanted; undefined where none is, or the segment holds no events. What fails is told to those who
   * wanted it and to nobody else, but for a sync: then this rejects.
   */
  begin(): Promise<void> | undefined {
    if (this.#tickets.length === 0) return undefined;
    const tickets = this.#tickets.splice(0);
    if (this.#host.active().segment.eventCount > 0) return this.#roll(tickets);
    for (const ticket of tickets) ticket.acknowledge();
    return undefined;
  }

  async #roll(tickets: readonly CommitTicket[]): Promise<void> {
    try {
      await this.#host.roll();
    } catch (error) {
      await this.#restore(tickets, error);
      return;
    }
    for (const ticket of tickets) ticket.acknowledge();
  }

  async #restore(tickets: readonly CommitTicket[], error: unknown): Promise<void> {
    try {
      if (error instanceof SyncFailure) throw error;
      await this.#cutBack();
    } catch (failure) {
      const lost = failure instanceof SyncFailure ? failure : new SyncFailure(failure);
      this.#tickets.push(...tickets);
      throw lost;
    }
    for (const ticket of tickets) ticket.reject(error);
  }
}
