// Puts the seeded bug that VARVE_MUTANT names into the source, on its way to the tests of one run.
import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";
import { patched } from "./mutant.ts";
import { mutants } from "./mutants.ts";

export function mutantPlugin(name: string): Plugin {
  const mutant = mutants.find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new Error(`VARVE_MUTANT: there is no mutant ${name}`);
  const path = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url));
  const isPatched = (id: string): boolean => id.split("?")[0] === path;
  return {
    name: "varve-mutant",
    enforce: "pre",
    configureVitest({ experimental_defineCacheKeyGenerator }) {
      experimental_defineCacheKeyGenerator(({ id }) => (isPatched(id) ? false : undefined));
    },
    transform(source, id) {
      return isPatched(id) ? patched(mutant, source) : undefined;
    },
  };
}
