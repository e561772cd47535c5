// Owns the rejects file: one line for each row that could not be stored. Written synchronously within the batch that the
// rows belong to, so that its length can be recorded with that batch and cut back to on resume.

import { closeSync, fsyncSync, openSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "./exit.ts";

/** Longest raw text that is kept of a row, in UTF-16 units. */
const rawCharsMax = 64 * 1024;

export interface Reject {
  readonly file: string;
  /** 1-based line of the unpacked file on which the row starts. */
  readonly line: number;
  readonly reason: string;
  readonly raw: string;
}

/** Created on disk with the first reject; NDJSON, or CSV where the name ends in `.csv`. */
export class RejectsFile {
  readonly path: string;
  readonly #isCsv: boolean;
  #descriptor: number | undefined;
  #bytes: number;

  /** `keepBytes`: what an interrupted ingest had recorded of this file; 0 begins it anew. */
  constructor(path: string, keepBytes: number) {
    this.path = path;
    this.#isCsv = path.toLowerCase().endsWith(".csv");
    const found = regularFileBytes(path);
    if (keepBytes === 0) {
      if (found !== undefined) rmSync(path);
      this.#bytes = 0;
    } else {
      if (found !== undefined && found > keepBytes) truncateSync(path, keepBytes);
      // Someone took the file away in between: its rows were told of once, the rest follows.
      this.#bytes = found === undefined ? 0 : Math.min(found, keepBytes);
    }
  }

  /** Length in bytes of what was written. */
  get bytes(): number {
    return this.#bytes;
  }

  write(rejects: readonly Reject[]): void {
    if (rejects.length === 0) return;
    this.#descriptor ??= openSync(this.path, "a");
    const header = this.#isCsv && this.#bytes === 0 ? "file,line,reason,raw\n" : "";
    const lines = rejects.map((reject) => (this.#isCsv ? csvLine(reject) : jsonLine(reject)));
    const bytes = Buffer.from(header + lines.join(""));
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    this.#bytes += bytes.length;
  }

  /** Makes the file durable and closes it. */
  close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    try {
      fsyncSync(descriptor);
    } catch (error) {
      // A terminal or a pipe cannot be synced, and need not be.
      if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Throws a `UsageError` where no file can be written at this path. */
export function checkRejectsPath(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--rejects ${path} is a directory`);
  }
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--rejects ${path}: there is no directory ${dirname(path)}`);
  }
}

function regularFileBytes(path: string): number | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.size : undefined;
}

function jsonLine({ file, line, reason, raw }: Reject): string {
  return `${JSON.stringify({ file, line, reason, raw: raw.slice(0, rawCharsMax) })}\n`;
}

function csvLine({ file, line, reason, raw }: Reject): string {
  const quoted = [file, String(line), reason, raw.slice(0, rawCharsMax)].map(
    (field) => `"${field.replaceAll('"', '""')}"`,
  );
  return `${quoted.join(",")}\n`;
}
