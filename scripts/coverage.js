// What branch coverage comes to: the share taken in each folder, and each branch that no test took with the reason why. One without
// a reason in uncovered-branches.json fails the run, and so does a folder below 95 %. Pure, but for the two functions at the end.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projectRoot } from "./setup.js";

const percentMin = 95;
const armNames = { if: ["taken", "not taken"], "cond-expr": ["then", "else"] };

/**
 * Each branch arm of an Istanbul report as { file, line, place, count }. `place` says where it is by the text of its line and
 * the arm, and by a number where that is not enough: unlike a line number it stays when something above it changes.
 */
export function branchArms(report, sourceOf) {
  return Object.entries(report).flatMap(([file, { b: counts, branchMap }]) => {
    const lines = sourceOf(file).split("\n");
    const seen = new Map();
    return Object.entries(branchMap).flatMap(([key, { type, loc, locations }]) =>
      counts[key].map((count, arm) => {
        const line = locations[arm]?.start?.line ?? loc.start.line;
        const name = armNames[type]?.[arm] ?? `${type} ${arm}`;
        const text = `${(lines[line - 1] ?? "").trim()} [${name}]`;
        const nth = (seen.get(text) ?? 0) + 1;
        seen.set(text, nth);
        return { file, line, place: nth === 1 ? text : `${text} #${nth}`, count };
      }),
    );
  });
}

/** What is wrong, and what there is to say; `reasons` has them by file and place. */
export function judge(arms, reasons) {
  const folders = new Map();
  const unexplained = [];
  const used = new Set();
  for (const { file, line, place, count } of arms) {
    const folder = file.split("/").slice(0, 2).join("/");
    const sum = folders.get(folder) ?? { taken: 0, all: 0 };
    folders.set(folder, sum);
    sum.all++;
    if (count > 0) {
      sum.taken++;
      continue;
    }
    if (reasons[file]?.[place]) used.add(`${file}: ${place}`);
    else unexplained.push(`${file}:${line}: ${place}`);
  }
  const shares = [...folders].sort().map(([folder, { taken, all }]) => {
    const percent = (100 * taken) / all;
    return { folder, taken, all, percent, isEnough: percent >= percentMin };
  });
  const unneeded = Object.entries(reasons).flatMap(([file, places]) =>
    Object.keys(places)
      .map((place) => `${file}: ${place}`)
      .filter((place) => !used.has(place)),
  );
  const isSound = unexplained.length === 0 && shares.every(({ isEnough }) => isEnough);
  return { shares, unexplained, unneeded, explained: used.size, isSound };
}

/** Judges the report that vitest left, and prints what comes of it; returns whether all is well. */
export function judgeCoverage() {
  const report = readJson(join(projectRoot, ".cache", "coverage", "coverage-final.json"));
  const reasons = readJson(join(projectRoot, "scripts", "uncovered-branches.json"));
  const byPath = Object.fromEntries(
    Object.entries(report).map(([path, data]) => [
      relative(projectRoot, path).split("\\").join("/"),
      data,
    ]),
  );
  const arms = branchArms(byPath, (file) => readFileSync(join(projectRoot, file), "utf8"));
  const { shares, unexplained, unneeded, explained, isSound } = judge(arms, reasons);
  for (const place of unexplained) console.log(`not taken, no reason: ${place}`);
  for (const place of unneeded) console.log(`taken or gone, reason not needed: ${place}`);
  for (const { folder, taken, all, percent, isEnough } of shares) {
    const wanted = isEnough ? "" : ` (at least ${percentMin} %)`;
    console.log(`${folder}: ${taken} of ${all} branches, ${percent.toFixed(2)} %${wanted}`);
  }
  console.log(`${explained} not taken and explained, ${unexplained.length} not explained`);
  return isSound;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
