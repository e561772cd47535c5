// Owns the reading of input files: names to bytes, standard input, gzip by its magic bytes, sizes and fingerprints.
// With its sibling node-*.ts files the only place of the command that touches the machine.

import { createReadStream, type Stats, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { hash64 } from "../codec/checksum.ts";
import { VarveError } from "../codec/errors.ts";
import { UsageError } from "./exit.ts";

const chunkBytes = 128 * 1024;
// Up to here every byte counts for a fingerprint; of a larger file, pieces spread over it, and the time of its last change.
const wholeHashBytesMax = 256 * 1024 * 1024;
const hashedPieces = 256;

export interface InputFile {
  /** As given on the command line. */
  readonly name: string;
  readonly absolutePath: string;
  /** Size as it lies on disk; 0 where it is not known. */
  readonly bytes: number;
  /** A regular file can be read again from the start; a pipe or standard input cannot. */
  readonly isRepeatable: boolean;
}

/** Looks at an input without reading it; a `UsageError` where there is no such file. */
export function inspectInput(name: string): InputFile {
  if (name === "-") return { name, absolutePath: "-", bytes: 0, isRepeatable: false };
  const stats = statOf(name);
  if (stats.isDirectory()) throw new UsageError(`${name} is a directory, not a file`);
  const isRepeatable = stats.isFile();
  return { name, absolutePath: resolve(name), bytes: isRepeatable ? stats.size : 0, isRepeatable };
}

function statOf(name: string): Stats {
  try {
    return statSync(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === "ENOENT" ? `there is no file ${name}` : `${name} cannot be read (${code})`,
    );
  }
}

/** The unpacked bytes of an input, piece by piece; `onRead` hears how many bytes were read from it. */
export async function* readInput(
  file: InputFile,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const raw = rawBytes(file, onRead);
  try {
    const first = await raw.next();
    if (first.done) return;
    if (first.value[0] === 0x1f && first.value[1] === 0x8b) {
      yield* gunzip(file.name, first.value, raw);
    } else {
      yield first.value;
      yield* raw;
    }
  } finally {
    await raw.return();
  }
}

async function* rawBytes(
  file: InputFile,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream =
    file.name === "-" ? process.stdin : createReadStream(file.name, { highWaterMark: chunkBytes });
  let held: Uint8Array | undefined;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      onRead(chunk.length);
      // A pipe may hand over its first byte alone, and gzip is told by two.
      held = held ? Buffer.concat([held, chunk]) : chunk;
      if (held.length < 2) continue;
      yield held;
      held = new Uint8Array(0);
    }
    if (held !== undefined && held.length > 0) yield held;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new VarveError("IO", `${file.name} cannot be read: ${message}`, {
      cause: error,
      details: { path: file.name, operation: "read", errno: code },
    });
  } finally {
    stream.destroy();
  }
}

// One piece is unpacked at a time, and all that comes of it handed on before the next: so that everything in front of
// a damaged place is delivered, and memory stays flat.
async function* gunzip(
  name: string,
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createGunzip({ chunkSize: chunkBytes });
  let ready: Uint8Array[] = [];
  let failure: Error | undefined;
  let wake: () => void = () => {};
  stream.on("data", (bytes: Uint8Array) => ready.push(bytes));
  stream.on("end", () => wake());
  stream.on("error", (error: Error) => {
    failure = error;
    wake();
  });
  const step = async (act: (done: () => void) => void): Promise<Uint8Array[]> => {
    await new Promise<void>((resolveStep) => {
      wake = resolveStep;
      act(resolveStep);
    });
    const unpacked = ready;
    ready = [];
    return unpacked;
  };
  const check = (): void => {
    if (failure === undefined) return;
    const message = `${name}: the gzip data is damaged or ends too early (${failure.message})`;
    throw new VarveError("IO", message, {
      cause: failure,
      details: { path: name, operation: "gunzip" },
    });
  };
  try {
    yield* await step((done) => stream.write(first, () => done()));
    check();
    for await (const bytes of rest) {
      yield* await step((done) => stream.write(bytes, () => done()));
      check();
    }
    yield* await step(() => stream.end());
    check();
  } finally {
    stream.destroy();
  }
}

/** Bytes of a list and then of what follows it: an input that was looked into and cannot be read again. */
export async function* replay(
  held: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* held;
  yield* rest;
}

/** A hash that changes when the file does. */
export async function fingerprint(file: InputFile): Promise<string> {
  const handle = await open(file.name, "r");
  try {
    const { size, mtimeMs } = await handle.stat();
    const isWhole = size <= wholeHashBytesMax;
    const step = isWhole ? chunkBytes : Math.floor((size - chunkBytes) / (hashedPieces - 1));
    const buffer = Buffer.alloc(chunkBytes);
    const state = new Uint32Array([size % 2 ** 32, isWhole ? 0 : Math.floor(mtimeMs) % 2 ** 32]);
    for (let at = 0; at < size; at += step) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, at);
      hash64(buffer, 0, bytesRead, state[0] ?? 0, state[1] ?? 0, state);
      if (bytesRead === 0) break;
    }
    return `${size}-${[...state].map((half) => half.toString(16).padStart(8, "0")).join("")}`;
  } finally {
    await handle.close();
  }
}

/** A hash of a text, for comparing options. */
export function textHash(text: string): string {
  const bytes = Buffer.from(text);
  const out = new Uint32Array(2);
  hash64(bytes, 0, bytes.length, 0, 0, out);
  return [...out].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** Turns a file name into one that means the same from any directory. */
export function absolutePath(name: string): string {
  return resolve(name);
}
