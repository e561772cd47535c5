// How the tests run: every *.test.ts under test/, two files at a time at the most, no hidden globals; VARVE_MUTANT seeds a bug.
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { mutantPlugin } from "./test/mutants/mutant-plugin.ts";

const mutant: string | undefined = process.env["VARVE_MUTANT"];

const config: ViteUserConfig = defineConfig({
  plugins: mutant === undefined ? [] : [mutantPlugin(mutant)],
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    maxConcurrency: 2,
    // Only a test that hangs: machines differ by an order of magnitude, and so does what else they do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["src/log/**", "src/index/**", "src/compaction/**", "src/recovery/**"],
      reporter: ["text", "json-summary"],
      reportsDirectory: ".cache/coverage",
      reportOnFailure: true,
    },
  },
});

export default config;
