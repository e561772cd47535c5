// A directory of plans that once broke something: they run before anything new is tried.
import type { Disk } from "../../disk/ports.ts";

export interface CorpusPlan {
  /** File and line. */
  readonly place: string;
  readonly line: string;
}

const extension = ".plan";

/**
 * The plans of every `*.plan` file in a directory, by file and line. Empty lines and lines that begin with `#` say
 * something to people. A directory that is not there has none.
 */
export async function readCorpus(disk: Disk, directory: string): Promise<CorpusPlan[]> {
  const found = await disk.stat(directory);
  if (found === undefined) return [];
  const names = (await disk.list(directory)).filter((name) => name.endsWith(extension)).sort();
  const plans: CorpusPlan[] = [];
  for (const name of names) {
    const text = await readText(disk, disk.join(directory, name));
    for (const [at, line] of text.split("\n").entries()) {
      const plan = line.trim();
      if (plan === "" || plan.startsWith("#")) continue;
      plans.push({ place: `${name}:${at + 1}`, line: plan });
    }
  }
  return plans;
}

async function readText(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, "read");
  try {
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    return new TextDecoder().decode(bytes);
  } finally {
    await file.close();
  }
}
