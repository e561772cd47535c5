// What a subscriber of a feed was given over all its sessions, and what must hold of that: S1 to S7, S11, and S5 and S6 across crashes.
import { textFingerprint } from "./disk-fingerprint.ts";
import { stateText } from "./state-text.ts";
import { Violation } from "./violation.ts";

/** One event, by its place in the order of all and its content. */
export interface FeedEvent {
  readonly sequence: number;
  /** Last sequence of the transaction it belongs to; its own where there are no transactions. */
  readonly lastSequence?: number;
  readonly content: unknown;
}

/** What arrives at once. Between `first` and `last` there is nothing that was left out but by the filter. */
export interface FeedBatch {
  readonly first: number;
  readonly last: number;
  readonly events: readonly FeedEvent[];
  /** What was durable at that moment; without it S6 is not checked. */
  readonly durable?: number;
}

/** Notes the deliveries of one subscriber. It is outside of the machine: no crash takes anything from it. */
export class FeedWitness {
  /** Copies share it until one of them goes on. */
  #events: FeedEvent[] = [];
  #count = 0;
  #next: number;
  /** Of the first so many events. */
  #name = "";
  #named = 0;

  /** @param from the first sequence that the subscriber is to get. */
  constructor(from = 1) {
    this.#next = from;
  }

  /**
   * Everything that a store's feed tells from `from` on, once it has no more to tell: what `take` checks, and that nothing
   * durable is missing at the end.
   */
  static async readAll(
    batches: AsyncIterable<FeedBatch>,
    durable: number,
    from = 1,
  ): Promise<readonly FeedEvent[]> {
    const witness = new FeedWitness(from);
    for await (const batch of batches) witness.take(batch);
    if (witness.next === durable + 1) return witness.events;
    throw new Violation("S3 no gap", `the feed ends at ${witness.next - 1}, durable is ${durable}`);
  }

  /** Where the next session begins. */
  get next(): number {
    return this.#next;
  }

  /** Everything delivered so far, in order. */
  get events(): readonly FeedEvent[] {
    return this.#events.slice(0, this.#count);
  }

  /** Equal where the same was delivered, for `CrashSubject.worldText`. */
  get text(): string {
    return `${this.#count} to ${this.#next} ${this.#nameNow()}`;
  }

  /** A copy as of now. It costs next to nothing, so that each crash can have one. */
  copy(): FeedWitness {
    const copy = new FeedWitness(this.#next);
    copy.#events = this.#events;
    copy.#count = this.#count;
    copy.#name = this.#nameNow();
    copy.#named = this.#count;
    return copy;
  }

  /** A batch has arrived. Throws the `Violation` of what it breaks. */
  take(batch: FeedBatch): void {
    const { first, last, events, durable } = batch;
    const where = `batch ${first} to ${last}, due from ${this.#next}`;
    if (first !== this.#next || last < first - 1) throw new Violation("S3 no gap", where);
    if (durable !== undefined && last > durable) {
      throw new Violation("S6 durable", `${where}, durable is ${durable}`);
    }
    let before = first - 1;
    for (const { sequence } of events) {
      if (sequence === before) throw new Violation("S2 once", `${sequence} twice in ${where}`);
      if (sequence < before) throw new Violation("S1 in order", `${sequence} late in ${where}`);
      if (sequence > last) throw new Violation("S7 mark", `${sequence} behind the end of ${where}`);
      before = sequence;
    }
    const end = events.at(-1);
    if (end?.lastSequence !== undefined && end.lastSequence > last) {
      throw new Violation("S4 whole", `${where} ends inside a transaction to ${end.lastSequence}`);
    }
    this.#note(events);
    this.#next = last + 1;
  }

  /**
   * After a crash: everything that was delivered is in the log, and the place where the next session begins skips nothing.
   *
   * @param log all events that are there now and that the filter lets through, in order.
   */
  checkAfter(log: readonly FeedEvent[]): void {
    const begin = this.#count > 0 ? (this.#events[0] as FeedEvent).sequence : this.#next;
    const rest = log.filter(({ sequence }) => sequence >= begin);
    for (let at = 0; at < this.#count; at++) {
      const event = this.#events[at] as FeedEvent;
      const is = rest[at];
      if (is === undefined || !isSame(is, event)) {
        const found = is === undefined ? "nothing" : `${is.sequence} ${stateText(is.content)}`;
        throw new Violation(
          "S6 durable",
          `${event.sequence} ${stateText(event.content)} was delivered, the log has ${found}`,
        );
      }
    }
    const skipped = rest[this.#count];
    if (skipped !== undefined && skipped.sequence < this.#next) {
      throw new Violation("S5 resumable", `${skipped.sequence} is left out before ${this.#next}`);
    }
  }

  /**
   * S11: the effects that were stored together with the position are those of the events up to there, none twice, none missing.
   *
   * @param effects what was done, by sequence, in any order.
   */
  static checkEffects(
    log: readonly FeedEvent[],
    position: number,
    effects: readonly number[],
  ): void {
    const due = log.map(({ sequence }) => sequence).filter((sequence) => sequence <= position);
    const done = [...effects].sort((one, other) => one - other);
    if (stateText(due) === stateText(done)) return;
    throw new Violation("S11 effects once", `done are ${done.join()}, due are ${due.join()}`);
  }

  #note(events: readonly FeedEvent[]): void {
    if (events.length === 0) return;
    if (this.#events.length !== this.#count) this.#events = this.#events.slice(0, this.#count);
    for (const event of events) this.#events.push(event);
    this.#count = this.#events.length;
  }

  #nameNow(): string {
    if (this.#named < this.#count) {
      const added = this.#events.slice(this.#named, this.#count);
      const texts = added.map(({ sequence, content }) => `${sequence} ${stateText(content)}`);
      this.#name = textFingerprint(`${this.#name} ${texts.join()}`);
      this.#named = this.#count;
    }
    return this.#name;
  }
}

function isSame(one: FeedEvent, other: FeedEvent): boolean {
  if (one.sequence !== other.sequence) return false;
  return one.content === other.content || stateText(one.content) === stateText(other.content);
}
