// One seeded bug: an exact text in a source file, what takes its place, and the part of the suite that must notice.

export interface Mutant {
  /** What the code does wrong, in a few words joined by hyphens. */
  readonly name: string;
  /** Path of the source file, from the project's folder. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly killedBy: TestChoice;
}

export interface TestChoice {
  readonly file: string;
  /** Matches the full title of the test or tests that are run, as `vitest -t` takes it. */
  readonly title: string;
  /** What the first test that fails says, where it could fail of something else: then the mutant is not understood. */
  readonly says?: RegExp;
}

/** The source with the bug in it. Throws where the text to replace does not stand there exactly once. */
export function patched({ name, file, find, replace }: Mutant, source: string): string {
  const at = source.indexOf(find);
  const isOnce = at >= 0 && source.indexOf(find, at + 1) < 0;
  if (!isOnce) throw new Error(`mutant ${name}: its text does not stand exactly once in ${file}`);
  return source.slice(0, at) + replace + source.slice(at + find.length);
}
