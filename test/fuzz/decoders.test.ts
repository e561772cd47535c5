// Gives every decoder bytes that were changed by someone who knows the format and made the checksums right again. `npm run
// test:fuzz` sets VARVE_FUZZ to the number of cases; `npm test` takes a sample.
import { beforeAll, describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/codec/bytes.ts";
import { SimulatedRandom } from "../../src/testing/testing.ts";
import { VarveError } from "../../src/varve.ts";
import { imageOf, indexedSpecimen } from "../corruption/specimen.ts";
import { type Decoder, decodersOf } from "./decoders.ts";
import { changed } from "./mutations.ts";

const casesDue = Number(process.env["VARVE_FUZZ"] ?? 12_000);
const seed = Number(process.env["VARVE_FUZZ_SEED"] ?? 1);
const slowestMsMax = 1000;
const heldBytesMax = 64 * 2 ** 20;

let decoders: Decoder[];

beforeAll(async () => {
  decoders = decodersOf(imageOf(await indexedSpecimen(1)));
});

interface Tally {
  cases: number;
  accepted: number;
  refused: number;
  slowestMs: number;
  heldBytes: number;
}

/** Returns whether it was taken for sound; throws where it is neither that nor refused as it should be. */
function decoded(decoder: Decoder, bytes: Uint8Array): boolean {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof MalformedBytes || error instanceof VarveError) return false;
    const hex = Buffer.from(bytes.subarray(0, 2000)).toString("hex");
    throw new Error(`${decoder.name}: untyped error for ${hex}`, { cause: error });
  }
}

/** Time at work: a busy machine makes nobody slow. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

function fuzz(decoder: Decoder, cases: number): Tally {
  const random = new SimulatedRandom(seed).fork(decoder.name);
  const tally: Tally = { cases: 0, accepted: 0, refused: 0, slowestMs: 0, heldBytes: 0 };
  const { samples, from } = decoder;
  for (; tally.cases < cases; tally.cases++) {
    const sample = samples[tally.cases % samples.length]!;
    const bytes = changed(sample, from, random);
    decoder.fix(bytes);
    const before = memory();
    const startMs = cpuMs();
    if (decoded(decoder, bytes)) tally.accepted++;
    else tally.refused++;
    tally.slowestMs = Math.max(tally.slowestMs, cpuMs() - startMs);
    tally.heldBytes = Math.max(tally.heldBytes, memory() - before);
  }
  return tally;
}

describe("a decoder that is given hostile bytes", () => {
  it("takes each sample as it is", () => {
    expect(decoders.length).toBeGreaterThan(14);
    for (const decoder of decoders) {
      expect(decoder.samples.length, decoder.name).toBeGreaterThan(0);
      for (const sample of decoder.samples) {
        const bytes = sample.slice();
        if (bytes.every((byte) => byte === 0)) continue;
        expect(decoder.decode(bytes), decoder.name).toBe(true);
        decoder.fix(bytes);
      }
    }
  });

  it(`takes it or refuses it with its own errors, at once and in little memory (${casesDue} cases)`, {
    timeout: 60_000 + casesDue * 20,
  }, () => {
    const startedMs = performance.now();
    let [cases, slowestMs, heldBytes] = [0, 0, 0];
    for (const decoder of decoders) {
      const tally = fuzz(decoder, Math.ceil(casesDue / decoders.length));
      cases += tally.cases;
      slowestMs = Math.max(slowestMs, tally.slowestMs);
      heldBytes = Math.max(heldBytes, tally.heldBytes);
      // Changes that never get past the checks before them try nothing.
      expect(tally.accepted, decoder.name).toBeGreaterThan(0);
      expect(tally.refused, decoder.name).toBeGreaterThan(0);
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(
      `hostile bytes: ${cases} cases for ${decoders.length} decoders, the slowest took ` +
        `${slowestMs.toFixed(1)} ms and ${(heldBytes / 2 ** 20).toFixed(1)} MiB; ${seconds} s\n`,
    );
    expect(slowestMs).toBeLessThan(slowestMsMax);
    expect(heldBytes).toBeLessThan(heldBytesMax);
  });
});
