// The rules of compaction, tried on every short history of one thing, whatever segments are rewritten as of whatever horizons.
import { describe, expect, it } from "vitest";
import { type EventRole, keepOrDrop, type Verdict } from "../../src/compaction/keep-or-drop.ts";

/** An image is a patch that has the whole state in it. */
type Kind = "create" | "put" | "patch" | "image" | "remove";

/** One event of the thing: alone in its segment, at the LSN that is its place, from 1 on. */
interface LoggedEvent {
  kind: Kind | "gap" | "whole";
  /** What a put sets, or a patch adds; of a whole one everything. */
  props: readonly number[];
}

type State = readonly number[] | undefined;

interface Log {
  events: LoggedEvent[];
  /** By place: as of which horizon its segment was rewritten. */
  horizons: number[];
  readonly original: readonly Kind[];
  readonly isEdge: boolean;
}

/** What the thing is after `lsn`; up to `compactedTo`, what has no meaning is passed over. */
function replayed(log: Log, lsn: number, compactedTo: number): State {
  let state: State;
  for (let at = 1; at <= lsn; at++) {
    const { kind, props } = log.events[at]!;
    const isTolerant = at <= compactedTo;
    if (kind === "gap") continue;
    if (kind === "create" || (kind === "whole" && !log.isEdge)) {
      if (state !== undefined && !isTolerant) throw new Error(`created again at ${at}`);
      state = props;
    } else if (state === undefined) {
      if (!isTolerant) throw new Error(`nothing to change at ${at}`);
    } else if (kind === "remove") state = undefined;
    else state = kind === "patch" ? [...state, ...props] : props;
  }
  return state;
}

function stateOf(original: readonly Kind[], lsn: number): State {
  let state: State;
  for (const [i, kind] of original.slice(0, lsn).entries()) {
    if (kind === "remove") state = undefined;
    else state = kind === "patch" || kind === "image" ? [...state!, i + 1] : [i + 1];
  }
  return state;
}

/** Every history that creates the thing, changes it, and perhaps removes it at the end. */
function histories(length: number, isEdge: boolean): Kind[][] {
  let found: Kind[][] = [["create"]];
  for (let i = 1; i < length; i++) {
    const changes: Kind[] = isEdge ? ["patch", "image"] : ["put", "patch", "image"];
    found = found.flatMap((each) => changes.map((kind): Kind[] => [...each, kind]));
  }
  return [...found, ...found.map((each): Kind[] => [...each.slice(0, -1), "remove"])].filter(
    ([first]) => first === "create",
  );
}

function written(original: readonly Kind[], isEdge: boolean): Log {
  const events = original.map((kind, i) => ({
    kind,
    props: kind === "remove" ? [] : kind === "image" ? stateOf(original, i + 1)! : [i + 1],
  }));
  return {
    events: [{ kind: "gap", props: [] }, ...events],
    horizons: original.map(() => 0).concat(0),
    original,
    isEdge,
  };
}

function roleOf(kind: Kind, isEdge: boolean): EventRole {
  if (kind === "remove") return isEdge ? "edge removal" : "node removal";
  if (!isEdge) return "node state";
  return kind === "create" ? "edge addition" : "edge patch";
}

/** Rewrites the segments of a set of places together. */
function rewrite(log: Log, places: ReadonlySet<number>, horizon: number): Log {
  const { original, isEdge } = log;
  const floor = (at: number): number => Math.max(log.horizons[at]!, places.has(at) ? horizon : 0);
  const changes = original
    .map((kind, i) => ({ kind, lsn: i + 1 }))
    .filter(({ kind, lsn }) => lsn <= horizon && (!isEdge || kind !== "create"));
  const newest = changes.at(-1);
  const next = { ...log, events: [...log.events], horizons: [...log.horizons] };
  for (const at of places) {
    next.horizons[at] = floor(at);
    const event = log.events[at]!;
    if (event.kind === "gap") continue;
    const verdict = keepOrDrop({
      role: roleOf(original[at - 1]!, isEdge),
      lsn: at,
      horizon,
      newestLsn: newest?.lsn ?? 0,
      newestIsRemoval: newest?.kind === "remove",
      newestIsWhole: newest !== undefined && floor(newest.lsn) >= newest.lsn,
      newestIsFull: newest !== undefined && newest.kind !== "remove" && newest.kind !== "patch",
      creates: event.kind === "create" || (event.kind === "whole" && !isEdge),
      earlierAreGone: original.slice(0, at - 1).every((_, i) => floor(i + 1) >= at),
      isErased: false,
    });
    next.events[at] = carriedOut(verdict, event, stateOf(original, at));
  }
  return next;
}

function carriedOut(verdict: Verdict, event: LoggedEvent, state: State): LoggedEvent {
  if (verdict === "drop") return { kind: "gap", props: [] };
  if (verdict === "fold") return { kind: "whole", props: state! };
  return verdict === "strip" ? { ...event, props: [] } : event;
}

function sets(length: number): Set<number>[] {
  const found: Set<number>[] = [];
  for (let bits = 1; bits < 1 << length; bits++) {
    const places = Array.from({ length }, (_, i) => i + 1);
    found.push(new Set(places.filter((at) => (bits & (1 << (at - 1))) !== 0)));
  }
  return found;
}

/** Of a whole patch of an edge, the replay in this file sets all; so does a read of one. */
function requireSame(log: Log, horizon: number): void {
  for (let lsn = horizon; lsn <= log.original.length; lsn++) {
    const due = stateOf(log.original, lsn);
    const found = replayed(log, lsn, horizon);
    if (JSON.stringify(found) !== JSON.stringify(due)) {
      const shown = JSON.stringify([log.original, log.events, horizon, lsn, found, due]);
      throw new Error(`not the same state: ${shown}`);
    }
  }
}

function explore(log: Log, horizon: number, rounds: number): number {
  requireSame(log, horizon);
  if (rounds === 0) return 1;
  let count = 0;
  for (let next = Math.max(1, horizon); next <= log.original.length; next++) {
    for (const places of sets(next)) count += explore(rewrite(log, places, next), next, rounds - 1);
  }
  return count;
}

describe("the rules of compaction", () => {
  it.each([
    { length: 3, rounds: 3 },
    { length: 4, rounds: 2 },
    { length: 6, rounds: 1 },
  ])(
    "keep every state of a node at and above the horizon: $length events, rewritten $rounds times",
    ({ length, rounds }) => {
      let count = 0;
      for (const each of histories(length, false))
        count += explore(written(each, false), 0, rounds);
      expect(count).toBeGreaterThan(500);
    },
  );

  it.each([
    { length: 3, rounds: 3 },
    { length: 4, rounds: 2 },
    { length: 6, rounds: 1 },
  ])("and of an edge: $length events, rewritten $rounds times", ({ length, rounds }) => {
    let count = 0;
    for (const each of histories(length, true)) count += explore(written(each, true), 0, rounds);
    expect(count).toBeGreaterThan(200);
  });

  it.each(histories(4, false))(
    "leave of a node what it is, and nothing of one removed: %s %s %s %s",
    (...original) => {
      const log = rewrite(written(original, false), new Set([1, 2, 3, 4]), 4);
      const left = log.events.slice(1).map(({ kind }) => kind);
      const isRemoved = original.at(-1) === "remove";
      expect(left).toEqual(
        isRemoved ? ["gap", "gap", "gap", "gap"] : ["gap", "gap", "gap", "whole"],
      );
    },
  );

  it("leave of an edge its addition and its last patch, and nothing of one removed", () => {
    const all = new Set([1, 2, 3]);
    const patched = rewrite(written(["create", "patch", "patch"], true), all, 3);
    expect(patched.events.slice(1)).toEqual([
      { kind: "create", props: [] },
      { kind: "gap", props: [] },
      { kind: "whole", props: [1, 2, 3] },
    ]);
    const removed = rewrite(written(["create", "patch", "remove"], true), all, 3);
    expect(removed.events.slice(1).map(({ kind }) => kind)).toEqual(["gap", "gap", "gap"]);
  });

  const found = {
    role: "node state" as EventRole,
    lsn: 5,
    horizon: 10,
    newestLsn: 5,
    newestIsRemoval: false,
    newestIsWhole: true,
    newestIsFull: false,
    creates: false,
    earlierAreGone: true,
    isErased: false,
  };
  const roles: EventRole[] = [
    "node state",
    "node removal",
    "edge addition",
    "edge patch",
    "edge removal",
    "user event",
  ];

  it.each(roles)("touch nothing above the horizon: %s", (role) => {
    for (const newestLsn of [0, 3, 4]) {
      expect(keepOrDrop({ ...found, role, horizon: 4, newestLsn })).toBe("keep");
    }
  });

  it.each(roles)("erase whatever the horizon, removals last: %s", (role) => {
    const erased = { ...found, role, isErased: true };
    for (const horizon of [0, 10]) {
      expect(keepOrDrop({ ...erased, horizon })).toBe("erase");
      const isRemoval = role.endsWith("removal");
      const due = isRemoval ? "keep" : "erase";
      expect(keepOrDrop({ ...erased, horizon, earlierAreGone: false })).toBe(due);
    }
  });

  it("drop users' own events, which make no state", () => {
    expect(keepOrDrop({ ...found, role: "user event" })).toBe("drop");
  });

  it("touch nothing where the index contradicts the log", () => {
    expect(keepOrDrop({ ...found, newestLsn: 3 })).toBe("keep");
    expect(keepOrDrop({ ...found, role: "node removal", newestLsn: 8 })).toBe("keep");
  });
});
