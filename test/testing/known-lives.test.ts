// What the explorer takes for known: a life that was sound, from an equal state, of the same kind, and nothing else.
import { describe, expect, it } from "vitest";
import type { CrashState } from "../../src/testing/explore/crash-state.ts";
import { KnownLives } from "../../src/testing/explore/known-lives.ts";
import { initialOf } from "../../src/testing/explore/known-states.ts";
import { OperationHistory, SimulatedDisk } from "../../src/testing/testing.ts";
import { subject } from "./journal-subject.mjs";

type State = CrashState<{ readonly note: number }, readonly number[], undefined>;

function stateOf(notes: readonly number[], disk: SimulatedDisk = new SimulatedDisk()): State {
  const history = new OperationHistory<{ readonly note: number }, readonly number[]>(subject);
  for (const note of notes) history.end(history.begin({ note }), "durable");
  return { disk, death: "power", history, world: undefined };
}

describe("lives that are known", () => {
  it("are those that were sound, from an equal state", async () => {
    const known = new KnownLives(subject);
    let lives = 0;
    const live = async (kind: string, state: State): Promise<number> => {
      await known.once(kind, state, async () => {
        lives += 1;
      });
      return lives;
    };
    expect(await live("end", stateOf([1]))).toBe(1);
    expect(await live("end", stateOf([1]))).toBe(1);
    expect(await live("orderly", stateOf([1]))).toBe(2);
    expect(await live("end", stateOf([2]))).toBe(3);
    const other = new SimulatedDisk();
    other.writeFile("/notes", new Uint8Array([1]));
    expect(await live("end", stateOf([1], other))).toBe(4);
    expect(await live("end", stateOf([1], new SimulatedDisk().clone()))).toBe(5);
    expect(await live("end", stateOf([1], new SimulatedDisk({ capacityBytes: 9 })))).toBe(6);
    expect(await live("end", stateOf([1]))).toBe(6);
  });

  it("are not those that were found broken", async () => {
    const known = new KnownLives(subject);
    const broken = (): Promise<never> => Promise.reject(new Error("broken"));
    for (let turn = 0; turn < 2; turn++) {
      await expect(known.once("end", stateOf([]), broken)).rejects.toThrow("broken");
    }
  });
});

describe("the states of a model", () => {
  it("are made once by each sequence of commands, and never by more than are kept", () => {
    let made = 0;
    const model = {
      initial: (): number => 0,
      apply: (state: number, add: number) => {
        made += 1;
        return state + add;
      },
    };
    const three = (): number => initialOf(model).after(1, "1").after(2, "2").state;
    expect([three(), three(), made]).toEqual([3, 3, 2]);
    expect(initialOf(model).after(2, "2").text).toBe("2");
    for (let add = 0; add < 5000; add++) initialOf(model).after(add, `${add}`);
    expect(initialOf(model).after(7, "7").state).toBe(7);
  });
});
