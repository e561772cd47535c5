// Every seeded bug: each must be noticed by the part of the suite that it names.
import { commitMutants } from "./commit-mutants.ts";
import { feedMutants } from "./feed-mutants.ts";
import { historyMutants } from "./history-mutants.ts";
import { indexMutants } from "./index-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { recoveryMutants } from "./recovery-mutants.ts";

export const mutants: readonly Mutant[] = [
  ...commitMutants,
  ...recoveryMutants,
  ...indexMutants,
  ...feedMutants,
  ...historyMutants,
];
