// Counts the crash states of a whole run of the tests: every state once, whichever tests judged it, and fails below what is promised.
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./setup.js";

/** Each test process leaves its notes here; see test/support/state-report.ts. */
export const statesFolder = join(projectRoot, ".cache", "crash-states");

/** What `npm test` must come to. */
const dueCounts = {
  all: { distinct: 30_000 },
  feeds: { distinct: 20_000 },
  "compaction, backup and salvage": { states: 20_000 },
};

export function forgetStates() {
  rmSync(statesFolder, { recursive: true, force: true });
  mkdirSync(statesFolder, { recursive: true });
}

/** Prints what was judged, by file and in all; returns what falls short. */
export function countStates(due = dueCounts) {
  const files = new Map();
  const seen = new Set();
  for (const note of notes()) addNote(files, seen, note);
  const totals = {};
  for (const [file, count] of [...files].sort()) {
    console.log(`${file}: ${told(count)}`);
    for (const group of groupsOf(file)) totals[group] = sum(totals[group], count);
  }
  for (const [group, count] of Object.entries(totals)) console.log(`${group}: ${told(count)}`);
  return Object.entries(due).flatMap(([group, leasts]) =>
    Object.entries(leasts)
      .filter(([what, least]) => (totals[group]?.[what] ?? 0) < least)
      .map(([what, least]) => `fewer than ${least} crash states, counted as ${what} (${group})`),
  );
}

function* notes() {
  for (const name of readdirSync(statesFolder).sort()) {
    const lines = readFileSync(join(statesFolder, name), "utf8").split("\n");
    for (const line of lines) if (line !== "") yield JSON.parse(line);
  }
}

function addNote(files, seen, { file, states, distinct, seconds, oracle, names }) {
  let fresh = distinct;
  if (names !== undefined) {
    const before = seen.size;
    for (const name of names) seen.add(`${oracle} ${name}`);
    fresh = seen.size - before;
  }
  files.set(file, sum(files.get(file), { states, distinct: fresh, seconds }));
}

function groupsOf(file) {
  if (/feeds/.test(file)) return ["feeds", "all"];
  const isKept = /compact|backup|salvage|erase|kept/.test(file);
  return isKept ? ["compaction, backup and salvage", "all"] : ["all"];
}

function sum(one = { states: 0, distinct: 0, seconds: 0 }, other) {
  const both = {};
  for (const key of Object.keys(one)) both[key] = one[key] + other[key];
  return both;
}

function told({ states, distinct, seconds }) {
  const rate = Math.round(states / Math.max(seconds, 0.001));
  return `${states} crash states, ${distinct} distinct, ${rate} a second on one thread`;
}
