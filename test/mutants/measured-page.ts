// The page that lists every seeded bug with what noticed it and how many crash states that took, as the last run of each measured it.
import { readFileSync, writeFileSync } from "node:fs";
import type { Death } from "./kill.ts";
import type { Mutant } from "./mutant.ts";

export interface MeasuredRow {
  readonly name: string;
  /** The whole line of the table. */
  readonly line: string;
  readonly states: number;
  readonly isKilled: boolean;
}

const survivor = "**survived**";
const saysLength = 90;
const head = "| bug | in | noticed by | which says | crash states |\n|---|---|---|---|---|\n";

/** The rows of the page at a path. */
export function measuredRows(path: string): MeasuredRow[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      const cells = line.split(/(?<!\\) \| /);
      const [, name] = /^\| ([a-z0-9]+(?:-[a-z0-9]+)+) \|/.exec(line) ?? [];
      if (name === undefined) return [];
      const states = Number(/\d+/.exec(cells.at(-1) ?? "")?.[0] ?? 0);
      return [{ name, line, states, isKilled: !line.includes(survivor) }];
    });
}

/** Puts what a run measured in place of the rows it measured anew; the others stay. */
export function writeMeasured(
  path: string,
  mutants: readonly Mutant[],
  deaths: ReadonlyMap<string, Death>,
): void {
  const page = readFileSync(path, "utf8");
  const before = new Map(measuredRows(path).map(({ name, line }) => [name, line]));
  const lines = mutants.flatMap((mutant) => {
    const death = deaths.get(mutant.name);
    const line = death === undefined ? before.get(mutant.name) : rowOf(mutant, death);
    return line === undefined ? [] : [line];
  });
  writeFileSync(path, `${page.slice(0, page.indexOf(head))}${head}${lines.join("\n")}\n`);
}

function rowOf({ name, file, killedBy }: Mutant, { survived, states, title, says }: Death): string {
  const noticed = survived ? survivor : `${killedBy.file.replace(/^test\//, "")}: ${title}`;
  const cells = [name, file.replace(/^src\//, ""), noticed, shortened(says), states || "none"];
  return `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Without what differs from run to run, and no more than tells what is broken. */
function shortened(says: string): string {
  const plain = says
    .replace(/^(Assertion)?Error: /, "")
    .replace(/^state \d+: /, "")
    .replace(/^Property failed .*$/, "Property failed")
    .replace(/\s+(at \S+ ?\(?(file:|\/)|\/\/ Object\.is|at \/|seed \d+; do ).*$/, "")
    .replace(/\s+/g, " ");
  return plain.length > saysLength ? `${plain.slice(0, saysLength)}…` : plain;
}
