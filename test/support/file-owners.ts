// Checks that every file of a database has exactly one owner, and that everything owned is there: nothing lost, nothing leaked.
import { decodeCheckpoint } from "../../src/index/checkpoint-codec.ts";
import type { RunRecord } from "../../src/index/run-record.ts";
import { readAllocation } from "../../src/log/allocation-table.ts";
import { checkpointFileName, segmentFileName, treeFileName } from "../../src/log/file-names.ts";
import type { Manifest } from "../../src/log/manifest-codec.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import type { SimulatedDisk } from "../../src/testing/testing.ts";
import { Violation } from "./crash-oracle.ts";

const fixedNames = ["manifest.a", "manifest.b", "watermark", "allocation", "reserve"];
const quarantinedName = /^quarantine\/\d{16}-\d{4,}\.log(\.\d+\.tail)?$/;

export interface OwnerExpectations {
  /** Whether the database is open: then its lock is there too. */
  readonly isOpen: boolean;
  /** Names in the quarantine that a recovery has told of. */
  readonly quarantined: readonly string[];
  /** Runs that the open index reads and no checkpoint names yet, where there may be some. */
  readonly runs?: readonly RunRecord[];
}

/** @throws {Violation} for a file that belongs to nobody, or to two; for one that is owned and missing. */
export async function checkOwners(
  disk: SimulatedDisk,
  directory: string,
  { isOpen, quarantined, runs = [] }: OwnerExpectations,
): Promise<void> {
  const names = disk
    .listAll()
    .filter((path) => path.startsWith(`${directory}/`))
    .map((path) => path.slice(directory.length + 1));
  const { manifest, damaged, missing } = await readManifest(disk, directory, false);
  if (manifest === undefined || damaged.length + missing.length > 0) {
    throw new Violation("files", `manifest: ${[...damaged, ...missing].join()}`);
  }
  const owners = new Owners(disk, directory, names);
  for (const name of fixedNames) owners.claim(name, "the database");
  if (isOpen) owners.claim("lock", "the opener");
  claimSegments(owners, manifest);
  const named = await claimCheckpoints(owners, manifest);
  for (const run of runs) if (!named.has(runKey(run))) claimRun(owners, run, "an open run");
  for (const name of names) {
    if (quarantinedName.test(name)) owners.claim(name, "the quarantine");
  }
  for (const name of quarantined) {
    if (!names.includes(name)) throw new Violation("files", `${name} was to be kept`);
  }
  owners.requireExactly();
  if (!isOpen) await checkAllocation(disk, directory, manifest);
}

class Owners {
  readonly disk: SimulatedDisk;
  readonly directory: string;
  readonly #names: ReadonlySet<string>;
  readonly #owners: Map<string, string> = new Map();

  constructor(disk: SimulatedDisk, directory: string, names: readonly string[]) {
    this.disk = disk;
    this.directory = directory;
    this.#names = new Set(names);
  }

  claim(name: string, owner: string): void {
    const other = this.#owners.get(name);
    if (other !== undefined) {
      throw new Violation("files", `${name} belongs to ${other} and to ${owner}`);
    }
    this.#owners.set(name, owner);
  }

  bytesOf(name: string, owner: string): Uint8Array {
    if (!this.#names.has(name)) throw new Violation("files", `${name} of ${owner} is lost`);
    return this.disk.readFile(`${this.directory}/${name}`);
  }

  requireExactly(): void {
    for (const name of this.#names) {
      if (!this.#owners.has(name)) throw new Violation("files", `${name} belongs to nobody`);
    }
    for (const [name, owner] of this.#owners) {
      if (!this.#names.has(name)) throw new Violation("files", `${name} of ${owner} is lost`);
    }
  }
}

/** Segments follow one another: each LSN, and with it each byte of the log, is in one of them. */
function claimSegments(owners: Owners, { segments }: Manifest): void {
  let lastLsn = 0;
  for (const [at, segment] of segments.entries()) {
    const { id, baseLsn, generation } = segment;
    if (baseLsn !== lastLsn + 1) {
      throw new Violation("files", `segment ${id} begins at ${baseLsn}, not ${lastLsn + 1}`);
    }
    owners.claim(segmentFileName(baseLsn, generation), `segment ${id}`);
    // Whatever of the others is past its end must be nothing that a later recovery could read.
    if (at < segments.length - 1) lastLsn = Math.max(lastLsn, segment.lastLsn);
  }
  const ids = segments.map(({ id }) => id);
  if (new Set(ids).size < ids.length) throw new Violation("files", `ids ${ids.join()}`);
}

/** Runs of the newest checkpoint and of the one before may be the same: these belong to both together. */
async function claimCheckpoints(owners: Owners, manifest: Manifest): Promise<Set<string>> {
  const named = new Set<string>();
  for (const { number, lsn } of manifest.checkpoints) {
    const name = checkpointFileName(number);
    const owner = `checkpoint ${number}`;
    owners.claim(name, owner);
    const bytes = owners.bytesOf(name, owner);
    const checkpoint = decodeCheckpoint(bytes, manifest.databaseId, name);
    if (checkpoint === undefined) throw new Violation("files", `${name} is not sound`);
    let above = lsn + 1;
    for (const run of checkpoint.runs) {
      if (run.lastLsn >= above || run.firstLsn > run.lastLsn) {
        throw new Violation("files", `${name}: run ${runKey(run)} reaches to ${above}`);
      }
      above = run.firstLsn;
      if (named.has(runKey(run))) continue;
      named.add(runKey(run));
      claimRun(owners, run, owner);
    }
  }
  return named;
}

function runKey(run: RunRecord): string {
  const trees = run.trees.map(({ treeId }) => treeId).join("+");
  return `${run.firstLsn}-${run.lastLsn} (${trees})`;
}

function claimRun(owners: Owners, run: RunRecord, owner: string): void {
  for (const { treeId, name, bytes } of run.trees) {
    const file = treeFileName(treeId, name);
    owners.claim(file, owner);
    const found = owners.bytesOf(file, owner).length;
    if (found !== bytes) throw new Violation("files", `${file} has ${found} bytes, not ${bytes}`);
  }
}

/** What a close leaves of the allocation table is what the manifest and the files say. */
async function checkAllocation(
  disk: SimulatedDisk,
  directory: string,
  manifest: Manifest,
): Promise<void> {
  const entries = (await readAllocation(disk, directory, manifest.databaseId)) ?? [];
  const found = entries.map(({ id, baseLsn, state }) => [id, baseLsn, state].join()).join(" ");
  const due = manifest.segments
    .map(({ id, baseLsn, state }) => [id, baseLsn, state].join())
    .join(" ");
  if (found !== due) throw new Violation("files", `allocation says ${found}; due is ${due}`);
}
