// The lives that the crash tests break at every call: create, append, roll, close, reopen, in every durability; and with layers that are frozen,
// flushed, merged and stood for by checkpoints.
import { reopen, type Step } from "../../src/testing/testing.ts";
import type { Durability } from "../../src/varve.ts";
import { type Command, type Commit, large, linked, marked, small } from "./commit-model.ts";

type Life = readonly Step<Command>[];

const os: Durability = "os";
const soon: Durability = { intervalMs: 20 };
const weaker = (commit: Commit, as: Durability): Commit => ({ ...commit, as });

export const plainLife: Life = [
  [small("a"), linked("b", "a"), small("c")],
  { ...small("never"), fails: true },
  marked("first"),
  [{ tx: [{ remove: "c" }], mark: "with events" }, marked("between"), linked("d", "b")],
  large("big", 40_000),
  [linked("e", "d"), large("medium", 22_000), small("f")],
  marked("rolled"),
  linked("g", "f"),
  reopen,
  [linked("h", "g"), marked("second")],
  large("wide", 36_000),
  small("i"),
];

export const weakLife: Life = [
  weaker(small("a"), os),
  weaker(linked("b", "a"), os),
  weaker(marked("weak"), os),
  "flush",
  weaker(small("c"), soon),
  weaker(linked("d", "c"), soon),
  weaker(large("big", 40_000), os),
  { pass: 2000 },
  weaker(large("medium", 26_000), soon),
  weaker(marked("soon"), soon),
  weaker(small("e"), os),
  reopen,
  weaker(linked("f", "e"), os),
  weaker(small("g"), "group"),
];

export const layeredLife: Life = [
  [small("a"), linked("b", "a"), small("c")],
  "rest",
  { tx: [{ remove: "c" }, { link: ["a", "knows", "b"] }], mark: "first" },
  { tx: [{ unlink: ["b", "next", "a"] }, { patch: "a" }] },
  [marked("between"), linked("d", "b")],
  "rest",
  large("big", 40_000),
  [linked("e", "d"), large("medium", 30_000)],
  "rest",
  { tx: [{ unlink: ["a", "knows", "b"] }, { link: ["e", "knows", "a"] }] },
  "checkpoint",
  small("f"),
  marked("behind"),
  reopen,
  linked("g", "f"),
  { tx: [{ remove: "big.3" }, { unlink: ["e", "knows", "a"] }] },
  "rest",
  small("h"),
];

/** The same where the log is only handed to the operating system. */
export const weakLayeredLife: Life = layeredLife.map((step) => {
  if (Array.isArray(step)) return step.map((commit) => weaker(commit, os));
  return typeof step === "object" && "tx" in step ? weaker(step, os) : step;
});

/** Lives whose calls are made to fail: each transaction that could be turned down is tried again, as a caller would. */
export const faultyLife: Life = [
  [small("a"), linked("b", "a"), small("c")],
  marked("first"),
  [{ tx: [{ remove: "c" }], mark: "with events" }, marked("between")],
  large("big", 40_000),
  large("big", 40_000),
  [small("d"), large("medium", 22_000)],
  marked("rolled"),
  linked("e", "d"),
  linked("e", "d"),
  reopen,
  [linked("f", "e"), marked("second")],
  large("wide", 36_000),
  small("g"),
  small("g"),
];

/** What random lives are made of. */
export const alphabet: readonly Command[] = [
  small("a"),
  linked("b", "a"),
  linked("c", "b"),
  marked("m"),
  { ...linked("d", "a"), mark: "n" },
  large("big", 4_000),
  large("wide", 44_000),
  weaker(small("e"), os),
  weaker(linked("f", "a"), soon),
  weaker(large("soft", 20_000), os),
  weaker(marked("o"), soon),
  { tx: [{ unlink: ["b", "next", "a"] }, { remove: "wide.1" }] },
  "flush",
  { pass: 30 },
];
