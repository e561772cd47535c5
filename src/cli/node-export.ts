// Owns the files of an export, and the copy of a damaged database that is read in its place.

import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "./exit.ts";

/** Takes lines, in order. */
export interface LineSink {
  line(text: string): Promise<void>;
  close(): void;
}

const bufferBytes: number = 64 * 1024;

/** Writes lines to a new file; refuses one that is there. */
export function fileSink(directory: string, name: string): LineSink {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  if (existsSync(path)) throw new UsageError(`${path} is there already`);
  const file = openSync(path, "wx");
  let held = "";
  const write = (): void => {
    const bytes = Buffer.from(held);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    held = "";
  };
  return {
    line(text) {
      held += `${text}\n`;
      if (held.length >= bufferBytes) write();
      return Promise.resolve();
    },
    close() {
      try {
        write();
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Copies a directory to a place of its own, hands that over, and removes it. */
export async function withCopy<Result>(
  directory: string,
  use: (copy: string) => Promise<Result>,
): Promise<Result> {
  const place = mkdtempSync(join(tmpdir(), "varve-export-"));
  try {
    const copy = join(place, "copy");
    cpSync(directory, copy, { recursive: true });
    return await use(copy);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
