// How the tests run: every *.test.ts under test/, two files at a time at the most, no hidden globals; VARVE_MUTANT seeds a bug.
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { mutantPlugin } from "./test/mutants/mutant-plugin.ts";

const mutant: string | undefined = process.env["VARVE_MUTANT"];

/** Set where branches are measured: the same ones each time. */
const propertySeed: string | undefined = process.env["VARVE_PROPERTY_SEED"];

const cache = ".cache/mutants";

/** These measure memory, or change what a process has only one of: each gets a process of its own. */
const alone = [
  "test/changes/consumer-lease.test.ts",
  "test/changes/consumer-shapes.test.ts",
  "test/changes/shapes.test.ts",
  "test/corruption/hostile-content.test.ts",
  "test/database/time-travel-pins.test.ts",
  "test/docs/*.test.ts",
  "test/fuzz/*.test.ts",
  "test/log/prop-places.test.ts",
];

const config: ViteUserConfig = defineConfig({
  plugins: mutant === undefined ? [] : [mutantPlugin(mutant)],
  test: {
    pool: "forks",
    maxWorkers: 2,
    maxConcurrency: 2,
    setupFiles: propertySeed === undefined ? [] : ["test/support/fixed-seed.ts"],
    // A hundred mutants differ in one module each: the others are compiled once.
    experimental: mutant === undefined ? {} : { fsModuleCache: true, fsModuleCachePath: cache },
    // Only a test that hangs: machines differ by an order of magnitude, and so does what else they do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: "alone", include: alone, isolate: true, sequence: { groupOrder: 0 } },
      },
      {
        // One process after the other loads the engine anew, which takes longer than most files do: here they share it.
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: alone,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/log/**", "src/index/**", "src/compaction/**", "src/recovery/**"],
      reporter: ["text", "json", "json-summary"],
      reportsDirectory: ".cache/coverage",
      reportOnFailure: true,
    },
  },
});

export default config;
