// Opens whole databases of which one file was changed by someone who knows the format and made every checksum right again: whatever
// it says then, it says it with its own errors. `npm run test:fuzz` sets VARVE_FUZZ; `npm test` takes a sample.
import { beforeAll, expect, it } from "vitest";
import { putU32 } from "../../src/codec/bytes.ts";
import { VarveError } from "../../src/codec/errors.ts";
import { CHECKPOINT } from "../../src/index/checkpoint-codec.ts";
import { ALLOCATION } from "../../src/log/allocation-table.ts";
import { hashOf, sealBlock } from "../../src/log/fields.ts";
import { decodeManifest, encodeManifest, MANIFEST } from "../../src/log/manifest-codec.ts";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import { type SimulatedDisk, SimulatedRandom } from "../../src/testing/testing.ts";
import { type TakenApart, takeApart, withLastFrame } from "../corruption/crafted.ts";
import {
  digestOf,
  imageOf,
  indexedSpecimen,
  openIndexed,
  withFile,
} from "../corruption/specimen.ts";
import { changed } from "./mutations.ts";

const casesDue = Math.ceil(Number(process.env["VARVE_FUZZ"] ?? 6000) / 50);
const seed = Number(process.env["VARVE_FUZZ_SEED"] ?? 1);

let disk: SimulatedDisk;
let image: Map<string, Buffer>;
let last: TakenApart;
let makers: [string, (random: SimulatedRandom) => SimulatedDisk][];

beforeAll(async () => {
  disk = await indexedSpecimen(1);
  image = imageOf(disk);
  const logs = [...image.keys()].filter((path) => path.endsWith(".log")).sort();
  last = takeApart(disk, logs.at(-1)!);
  const trees = [...image.keys()].filter((path) => path.endsWith(".tree"));
  makers = [
    ["manifest", withManifest],
    ["checkpoint", withCheckpoint],
    ["allocation", (random) => withSealed("/db/allocation", ALLOCATION.totalBytes, random)],
    ["watermark", withWatermark],
    ["events", withEvents],
    ["events", withEvents],
    ["segment header", (random) => withHeader(logs[random.below(logs.length)]!, random)],
    ["tree", (random) => withTree(trees[random.below(trees.length)]!, random)],
  ];
});

function bytesOf(path: string): Uint8Array {
  return new Uint8Array(image.get(path)!);
}

function sealed(bytes: Uint8Array, lengthAt: number): Uint8Array {
  if (bytes.length < lengthAt + 4) return bytes;
  putU32(bytes, lengthAt, bytes.length);
  sealBlock(bytes, 0, bytes.length);
  return bytes;
}

function withSealed(path: string, lengthAt: number, random: SimulatedRandom): SimulatedDisk {
  return withFile(disk, path, sealed(changed(bytesOf(path), lengthAt + 4, random), lengthAt));
}

/** Both copies: one alone would be passed over. */
function withManifest(random: SimulatedRandom): SimulatedDisk {
  const manifest = encodeManifest(decodeManifest(bytesOf("/db/manifest.a"), "m", false)!);
  const bytes = sealed(changed(manifest, MANIFEST.body, random), MANIFEST.totalBytes);
  return withFile(withFile(disk, "/db/manifest.a", bytes), "/db/manifest.b", bytes);
}

/** The manifest names its length and hash. */
function withCheckpoint(random: SimulatedRandom): SimulatedDisk {
  const path = [...image.keys()].find((name) => name.includes("checkpoint-"))!;
  const bytes = sealed(changed(bytesOf(path), CHECKPOINT.body, random), CHECKPOINT.totalBytes);
  const manifest = decodeManifest(bytesOf("/db/manifest.a"), "m", false)!;
  const [ref] = manifest.checkpoints;
  const hash = hashOf(bytes, 0, bytes.length);
  const named = { ...manifest, checkpoints: [{ ...ref!, bytes: bytes.length, hash }] };
  let copy = withFile(disk, path, bytes);
  for (const name of ["/db/manifest.a", "/db/manifest.b"]) {
    copy = withFile(copy, name, encodeManifest(named));
  }
  return copy;
}

function withWatermark(random: SimulatedRandom): SimulatedDisk {
  const bytes = bytesOf("/db/watermark");
  for (const at of [0, 4096]) {
    const slot = changed(bytes.slice(at, at + 64), 32, random).slice(0, 64);
    bytes.set(slot, at);
    sealBlock(bytes, at, at + 64);
  }
  return withFile(disk, "/db/watermark", bytes);
}

function withEvents(random: SimulatedRandom): SimulatedDisk {
  const { frames } = last;
  const frame = random.below(2) === 0 ? frames.at(-1)! : frames[random.below(frames.length)]!;
  const payload = changed(frame.payload, 0, random);
  const eventCount = random.below(3) === 0 ? random.below(40) : frames.at(-1)!.eventCount;
  const room = last.bytes.length - frames.at(-1)!.at - 64;
  return withLastFrame(last, { payload: payload.slice(0, room), eventCount });
}

function withHeader(path: string, random: SimulatedRandom): SimulatedDisk {
  const bytes = bytesOf(path);
  const header = changed(bytes.slice(0, 96), 32, random).slice(0, 88);
  bytes.set(header, 0);
  sealBlock(bytes, 0, segmentHeaderBytes);
  return withFile(disk, path, bytes);
}

/** In its footer, so that nothing above it names what was changed. */
function withTree(path: string, random: SimulatedRandom): SimulatedDisk {
  const bytes = bytesOf(path);
  const footerBytes = Buffer.from(bytes).readUInt32LE(bytes.length - 16);
  const from = bytes.length - footerBytes;
  const footer = changed(bytes.slice(from, bytes.length - 16), 40, random);
  bytes.set(footer.slice(0, footerBytes - 16), from);
  const hash = hashOf(bytes, from, bytes.length - 8);
  putU32(bytes, bytes.length - 8, hash.lo);
  putU32(bytes, bytes.length - 4, hash.hi);
  return withFile(disk, path, bytes);
}

/** Time at work: a busy machine makes nobody slow. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** How a case ended; an error that is none of ours goes on. */
async function endOf(damaged: SimulatedDisk): Promise<string> {
  let opened: Awaited<ReturnType<typeof openIndexed>>;
  try {
    opened = await openIndexed(damaged);
  } catch (error) {
    return codeOf(error);
  }
  const { db } = opened;
  let end = "answers";
  try {
    await digestOf(db);
    await db.verify();
  } catch (error) {
    end = codeOf(error);
  }
  await db.close().catch(codeOf);
  return end;
}

function codeOf(error: unknown): string {
  if (error instanceof VarveError) return error.code;
  throw error;
}

/** An error with the calls that it came through, without what differs from case to case. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const calls = (error.stack ?? "").split("\n").slice(1, 9);
  return [error.name, ...calls.map((call) => call.trim().split(" ")[1])].join(" < ");
}

it(`answers, or says what is wrong, with one file changed under sound checksums (${casesDue} cases)`, {
  timeout: 60_000 + casesDue * 2000,
}, async () => {
  const startedMs = performance.now();
  const random = new SimulatedRandom(seed).fork("whole");
  const ends = new Map<string, number>();
  const untyped = new Map<string, string>();
  let slowestMs = 0;
  let heldBytes = 0;
  for (let i = 0; i < casesDue; i++) {
    const [name, make] = makers[i % makers.length]!;
    const damaged = make(random);
    const before = process.memoryUsage().rss;
    const sinceMs = cpuMs();
    const end = await endOf(damaged).catch((cause: unknown) => {
      // One per place that throws: a long run tells all that it finds.
      const place = placeOf(cause);
      if (!untyped.has(place)) untyped.set(place, `case ${i} of seed ${seed}, ${name}: ${place}`);
      return "untyped";
    });
    slowestMs = Math.max(slowestMs, cpuMs() - sinceMs);
    heldBytes = Math.max(heldBytes, process.memoryUsage().rss - before);
    ends.set(`${name}: ${end}`, (ends.get(`${name}: ${end}`) ?? 0) + 1);
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const counted = [...ends].sort().map(([end, count]) => `${end} ${count}`);
  process.stdout.write(
    `hostile files: ${casesDue} cases, the slowest took ${slowestMs.toFixed(0)} ms and ` +
      `${(heldBytes / 2 ** 20).toFixed(1)} MiB; ${seconds} s\n  ${counted.join(", ")}\n`,
  );
  expect([...untyped.values()].join("\n")).toBe("");
  expect(ends.size).toBeGreaterThan(makers.length);
  expect(slowestMs).toBeLessThan(1000);
  expect(heldBytes).toBeLessThan(64 * 2 ** 20);
});
