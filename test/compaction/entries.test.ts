// The rules of compaction for entries of maps and for drops of graphs and maps, one by one.
import { describe, expect, it } from "vitest";
import {
  type EventFindings,
  type EventRole,
  keepOrDrop,
} from "../../src/compaction/keep-or-drop.ts";

function found(role: EventRole, rest: Partial<EventFindings>): EventFindings {
  return {
    role,
    lsn: 5,
    horizon: 10,
    newestLsn: 5,
    newestIsRemoval: false,
    newestIsWhole: true,
    newestIsFull: false,
    creates: false,
    earlierAreGone: true,
    isErased: false,
    ...rest,
  };
}

describe("an entry", () => {
  it("stays where it is the newest of its key, and goes where a later one is", () => {
    expect(keepOrDrop(found("entry put", {}))).toBe("keep");
    expect(keepOrDrop(found("entry put", { newestLsn: 7 }))).toBe("drop");
    expect(keepOrDrop(found("entry put", { newestLsn: 7, newestIsRemoval: true }))).toBe("drop");
  });

  it("that was removed goes with its removal, but never behind it", () => {
    const removal = { newestIsRemoval: true };
    expect(keepOrDrop(found("entry removal", removal))).toBe("drop");
    expect(keepOrDrop(found("entry removal", { ...removal, earlierAreGone: false }))).toBe("keep");
    expect(keepOrDrop(found("entry removal", { newestLsn: 8, earlierAreGone: false }))).toBe(
      "drop",
    );
  });
});

describe("what is gone from the index", () => {
  it("was removed, and the versions with it", () => {
    for (const role of ["node state", "edge patch"] as const) {
      expect(keepOrDrop(found(role, { newestLsn: 0 }))).toBe("drop");
    }
    expect(keepOrDrop(found("edge addition", { newestLsn: 0 }))).toBe("keep");
  });
});

describe("the drop of a graph or a map", () => {
  it("stays for ever: what stands before it may be left over", () => {
    for (const lsn of [5, 10]) expect(keepOrDrop(found("drop", { lsn }))).toBe("keep");
  });
});
