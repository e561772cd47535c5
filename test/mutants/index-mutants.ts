// Seeded bugs of the layers of the index: what is flushed, merged, named by a checkpoint and removed in which order.
import type { Mutant } from "./mutant.ts";
import { layerCrashes } from "./suite-parts.ts";

const checkpointFiles = "src/log/checkpoint-files.ts";
const stages = "src/database/index-stages.ts";
const runKeeper = "src/database/run-keeper.ts";

export const indexMutants: readonly Mutant[] = [
  {
    name: "checkpoint-named-before-it-is-synced",
    file: checkpointFiles,
    find: "      file.writeSync(bytes, 0);\n      await file.sync();",
    replace: "      file.writeSync(bytes, 0);",
    killedBy: { ...layerCrashes },
  },
  {
    name: "checkpoint-named-before-its-trees-names-are-synced",
    file: checkpointFiles,
    find: "      await this.#syncNames();",
    replace: "",
    killedBy: { ...layerCrashes },
  },
  {
    name: "sync-of-the-names-tried-again-after-it-failed",
    file: checkpointFiles,
    find: "      this.#host.namesLost();\n      throw this.#host.poisonWith(error);",
    replace: "      throw error;",
    killedBy: {
      file: "test/crash/layer-faults.test.ts",
      title: "while a checkpoint is saved poisons",
    },
  },
  {
    name: "older-checkpoint-removed-before-the-manifest-says-so",
    file: checkpointFiles,
    find: "    const before = this.refs;\n    try {",
    replace: `    const before = this.refs;
    for (const { number } of before) {
      if (!change(before).some((ref) => ref.number === number)) await this.#remove(number);
    }
    try {`,
    killedBy: { ...layerCrashes },
  },
  {
    name: "only-checkpoint-dropped-with-the-old-ones",
    file: checkpointFiles,
    find: "if (this.refs.length > 1) await this.#keep((refs) => refs.slice(0, 1));",
    replace: "if (this.refs.length > 1) await this.#keep((refs) => refs.slice(1));",
    killedBy: { file: "test/crash/layers.test.ts", title: "a database that stays open" },
  },
  {
    name: "tree-without-a-sync",
    file: "src/index/tree-jobs.ts",
    find: "    await this.#file?.sync();",
    replace: "",
    killedBy: { ...layerCrashes },
  },
  {
    name: "merged-trees-removed-before-the-checkpoint-is-saved",
    file: stages,
    find: "    await log.saveCheckpoint(bytes, number, position);",
    replace: `    await runs.removeRetired(records);
    await log.saveCheckpoint(bytes, number, position);`,
    killedBy: { ...layerCrashes },
  },
  {
    name: "merged-trees-never-removed",
    file: stages,
    find: "    await runs.removeRetired(records);",
    replace: "",
    killedBy: {
      file: "test/crash/layers.test.ts",
      title: "a database that stays open",
      says: /belongs to nobody/,
    },
  },
  {
    name: "checkpoint-stands-for-more-than-its-runs",
    file: stages,
    find: "    const position = placeOf(log, point);",
    replace: "    const position = log.positionAfter(log.durableLsn);",
    killedBy: { ...layerCrashes },
  },
  {
    name: "flushed-run-put-behind-the-older-ones",
    file: runKeeper,
    find: "if (run !== undefined) this.#runs = [run, ...this.#runs];",
    replace: "if (run !== undefined) this.#runs = [...this.#runs, run];",
    killedBy: { ...layerCrashes },
  },
  {
    name: "merged-runs-still-read-beside-the-merge",
    file: runKeeper,
    find: "    runs.splice(at, merged.length, ...(run === undefined ? [] : [run]));",
    replace: "    runs.splice(at, merged.length - 1, ...(run === undefined ? [] : [run]));",
    killedBy: { ...layerCrashes },
  },
  {
    name: "older-entry-of-a-key-wins-in-a-merge",
    file: "src/index/disk-tree-merge.ts",
    find: "(order === 0 && place.age < other.age)",
    replace: "(order === 0 && place.age > other.age)",
    killedBy: {
      file: "test/index/disk-tree-merge.test.ts",
      title: "shows trees in memory and on disk as one",
    },
  },
  {
    name: "tree-ids-begin-anew-with-each-opening",
    file: "src/database/index-base.ts",
    find: "    this.#runs.nextTreeId = Math.max(this.#runs.nextTreeId, checkpoint.nextTreeId);",
    replace: "    this.#runs.nextTreeId = 1;",
    killedBy: { ...layerCrashes },
  },
  {
    name: "trees-that-nothing-names-stay-for-ever",
    file: "src/recovery/recover.ts",
    find: "    await this.#removeStrays(strayNames(names, kept));",
    replace: "    await this.#removeStrays(strayNames([], kept));",
    killedBy: { ...layerCrashes },
  },
  {
    name: "recovery-keeps-a-checkpoint-it-did-not-load",
    file: "src/recovery/read-log.ts",
    find: "kept: candidates.slice(ordinal, ordinal + 1)",
    replace: "kept: candidates.slice(ordinal)",
    killedBy: {
      file: "test/recovery/checkpoint.test.ts",
      title: "keeps only the checkpoint it began with",
    },
  },
  {
    name: "log-shorter-than-its-checkpoint-is-believed",
    file: "src/recovery/recovery-case.ts",
    find: " || proof.checkpointLsn > lastLsn;",
    replace: ";",
    killedBy: {
      file: "test/recovery/checkpoint.test.ts",
      title: "refuses a log that ends before what a checkpoint knew",
    },
  },
  {
    name: "checksum-of-a-page-not-looked-at",
    file: "src/index/page-reader.ts",
    find: `    hash64(bytes, PAGE_HEADER.magic, length, 0, 0, this.#hash);
    const [hashLo, hashHi] = this.#hash;`,
    replace: "    const { hashLo, hashHi } = address;",
    killedBy: {
      file: "test/corruption/index-files.test.ts",
      title: "with any byte of a tree changed",
      says: /other answers than before/,
    },
  },
  {
    name: "checkpoint-made-of-an-index-that-is-being-rebuilt",
    file: "src/database/background.ts",
    find: "      isBusy: () => this.#host.inCallback() || this.rebuild.isUnusable || settings.readOnly,",
    replace: "      isBusy: () => this.#host.inCallback() || settings.readOnly,",
    killedBy: {
      file: "test/database/rebuild.test.ts",
      title: "damage of the log found by a rebuild",
    },
  },
  {
    name: "trees-keep-what-was-rejected",
    file: "src/database/database-core.ts",
    find: "    if (!this.background.rebuild.isUnusable) this.#unapply(transactions);",
    replace: "",
    killedBy: {
      file: "test/crash/rejected.test.ts",
      title: "is gone once it is rejected",
    },
  },
];
