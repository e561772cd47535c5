// Every seeded bug: each must be noticed by the part of the suite that it names.
import { commitMutants } from "./commit-mutants.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...commitMutants];
