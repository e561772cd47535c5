// What the kit knows of feeds: the witness of a subscriber (S1 to S7, S11), stored positions (S5), refusals and snapshots (S8, S9).
import { describe, expect, it } from "vitest";
import {
  checkRefused,
  checkSnapshotStart,
  type FeedBatch,
  FeedWitness,
  PositionWitness,
} from "../../src/testing/testing.ts";

describe("the witness of a feed", () => {
  const event = (
    sequence: number,
    lastSequence = sequence,
  ): { sequence: number; content: string; lastSequence: number } => ({
    sequence,
    lastSequence,
    content: `event ${sequence}`,
  });

  it.each([
    ["S1", { first: 1, last: 3, events: [event(3), event(1)] }],
    ["S2", { first: 1, last: 3, events: [event(2), event(2)] }],
    ["S3", { first: 2, last: 3, events: [] }],
    ["S4", { first: 1, last: 3, events: [event(3, 4)] }],
    ["S6", { first: 1, last: 3, events: [], durable: 2 }],
    ["S7", { first: 1, last: 3, events: [event(4)] }],
  ])("catches what breaks %s", (property, batch) => {
    expect(() => new FeedWitness().take(batch)).toThrow(`${property} `);
  });

  it("compares what was delivered with the log that a crash has left", () => {
    const witness = new FeedWitness();
    witness.take({ first: 1, last: 4, events: [event(1), event(3)], durable: 4 });
    witness.checkAfter([event(1), event(3), event(5)]);
    expect(() => witness.checkAfter([event(1)])).toThrow("S6 durable: 3");
    expect(() => witness.checkAfter([event(1), event(3), event(4)])).toThrow("S5 resumable: 4");
    FeedWitness.checkEffects([event(1), event(3)], 2, [1]);
    expect(() => FeedWitness.checkEffects([event(1)], 2, [1, 1])).toThrow("S11");
  });

  it("goes its own way as a copy, and is named by what was delivered", () => {
    const witness = new FeedWitness();
    witness.take({ first: 1, last: 1, events: [event(1)] });
    const [copy, other] = [witness.copy(), witness.copy()];
    expect(copy.text).toBe(witness.text);
    copy.take({ first: 2, last: 2, events: [event(2)] });
    other.take({ first: 2, last: 2, events: [{ ...event(2), content: "another" }] });
    expect(witness.events).toEqual([event(1)]);
    expect(copy.events).toEqual([event(1), event(2)]);
    expect(other.events.at(-1)?.content).toBe("another");
    expect(new Set([witness.text, copy.text, other.text]).size).toBe(3);
    witness.take({ first: 2, last: 2, events: [event(2)] });
    expect(witness.text).toBe(copy.text);
  });

  it("reads a whole feed, and misses what is not told of it", async () => {
    const batches = async function* (): AsyncGenerator<FeedBatch> {
      yield { first: 1, last: 2, events: [event(2)] };
      yield { first: 3, last: 3, events: [event(3)] };
    };
    expect(await FeedWitness.readAll(batches(), 3)).toEqual([event(2), event(3)]);
    await expect(FeedWitness.readAll(batches(), 4)).rejects.toThrow(
      "S3 no gap: the feed ends at 3",
    );
    await expect(FeedWitness.readAll(batches(), 3, 2)).rejects.toThrow("S3 no gap");
  });

  it("wants positions refused that are not served", async () => {
    const refuse = (): never => {
      throw new RangeError("ahead");
    };
    await checkRefused("S9 ahead", refuse, (error) => error instanceof RangeError);
    await expect(
      checkRefused(
        "S9 ahead",
        () => 1,
        () => true,
      ),
    ).rejects.toThrow("S9 ahead");
  });
});

describe("a position that the store keeps", () => {
  const at = (...sequences: readonly number[]): { sequence: number; content: string }[] =>
    sequences.map((sequence) => ({ sequence, content: "" }));

  it("is between what was kept and what was asked for, and stays once it was found", () => {
    const witness = new PositionWitness();
    witness.ask(4);
    witness.keep(2);
    witness.ask(7);
    for (const wrong of [1, 8]) expect(() => witness.copy().checkFound(wrong)).toThrow("S5");
    const found = witness.copy();
    found.checkFound(5);
    expect(() => found.checkFound(4)).toThrow("position 4 is stored, due is 5 to 7");
    expect(witness.text).not.toBe(found.text);
    witness.checkFound(2);
  });

  it("is followed by all that comes behind it, and by nothing else", () => {
    const log = at(1, 2, 5, 6);
    PositionWitness.checkRest(log, 2, at(5, 6));
    PositionWitness.checkRest(log, 6, []);
    for (const given of [at(5), at(6), at(5, 6, 7), at(2, 5, 6), at(5, 5, 6)]) {
      expect(() => PositionWitness.checkRest(log, 2, given)).toThrow("S5 resumable: behind 2");
    }
  });
});

describe("a start from a snapshot", () => {
  it("makes, with the tail, what the store shows", async () => {
    const add = (sum: number, next: number): number => sum + next;
    const isEven = (sum: number): boolean => sum % 2 === 0;
    await checkSnapshotStart([1, 2, 3], 0, add, isEven, true);
    await expect(checkSnapshotStart([1, 2], 0, add, isEven, true)).rejects.toThrow("S8 horizon");
  });
});
