// Breaks repairs before and after every call of the disk: what is there is refused, or is what a whole repair makes; and the next repair makes
// that.
import { describe, expect, it } from "vitest";
import { explore, type SimulatedDisk } from "../../src/testing/testing.ts";
import { cleanSpecimen, directory } from "../corruption/specimen.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { repairSubject } from "../support/repair-subject.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 120_000;

/** Damages: a frame in the first segment, one in the last, a segment that is gone, no manifest. */
const damages: readonly [string, (disk: SimulatedDisk, segments: readonly string[]) => void][] = [
  ["a frame of the first segment", (disk, [first]) => flip(disk, first!, 4300)],
  ["a frame of the last segment", (disk, segments) => flip(disk, segments[2]!, 9000)],
  ["a segment that is gone", (disk, segments) => disk.removeFile(segments[1]!)],
  [
    "both copies of the manifest",
    (disk) => {
      for (const name of ["manifest.a", "manifest.b"]) disk.removeFile(`${directory}/${name}`);
    },
  ],
];

function flip(disk: SimulatedDisk, path: string, at: number): void {
  const bytes = disk.readFile(path).slice();
  bytes[at]! ^= 0x10;
  disk.writeFile(path, bytes);
}

describe("a repair that is broken off", () => {
  it.each(damages)(
    "is finished by the next one: %s",
    { timeout: timeoutMs },
    async (what, damage) => {
      const disk = await cleanSpecimen(1);
      const segments = disk.listAll().filter((path) => path.endsWith(".log"));
      damage(disk, segments.sort());
      const report = await explore(await repairSubject(disk), {
        scripts: [["repair"]],
        sequenceLength: 0,
        crashes: 2,
        placeStride: isThorough ? 1 : 6,
        recoveryStride: isThorough ? 5 : 13,
        survivals: isThorough ? "all" : "one",
        recoverySurvivals: "one",
        seed: 4,
        shrinks,
      });
      expectSound(`repairs of ${what}`, report);
      expect(report.traits["refused"]).toBeGreaterThan(1);
      expect(report.traits["opened"]).toBeGreaterThan(1);
    },
  );
});
