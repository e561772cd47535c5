// The scripted lives on harsher machines: what a crash leaves there, and that the engine keeps its promises all the same. Of a machine that
// breaks its own word the kit asks only for a prefix, or for a refusal that changes nothing.
import { describe, expect, it } from "vitest";
import {
  type DiskProfile,
  diskProfiles,
  type ExploreOptions,
  explore,
  SimulatedDisk,
} from "../../src/testing/testing.ts";
import { layeredLife, plainLife } from "../support/crash-lives.ts";
import { openWith } from "../support/crash-script.ts";
import { type DatabaseSubject, databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { openLayeredWith } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every call is a crash point, with every survival of its family. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

const { harsh, lying, windows } = diskProfiles;
const machines: readonly { readonly profile: DiskProfile; readonly refuses: boolean }[] = [
  {
    profile: { ...harsh, name: "harsh, with powersafe overwrites", powersafeOverwrite: true },
    refuses: false,
  },
  {
    profile: { ...windows, name: "like Windows, with names that are never busy", busyPercent: 0 },
    refuses: false,
  },
  {
    profile: { ...windows, name: "like Windows, with every name busy twice", busyPercent: 100 },
    refuses: false,
  },
  { profile: lying, refuses: true },
  { profile: { ...harsh, name: "harsh, sectors included" }, refuses: true },
];

const lives = [
  { life: "of plain segments", script: plainLife, open: openWith, stride: 17 },
  { life: "of many layers", script: layeredLife, open: openLayeredWith, stride: 97 },
] as const;

describe.each(machines)("on a machine that is $profile.name", ({ profile, refuses }) => {
  it.each(lives)(
    "a life $life, and its recoveries, keep what the machine lets them keep",
    { timeout: timeoutMs },
    async ({ script, open, stride }) => {
      const subject: DatabaseSubject = databaseSubject({
        open: (ports) => open(ports),
        disk: (seed) => new SimulatedDisk({ seed, trace: "none", profile }),
      });
      const options: ExploreOptions<never> = {
        sequenceLength: 0,
        crashes: 2,
        placeStride: isThorough ? 1 : stride,
        survivals: isThorough ? "all" : 4,
        afterwardsStride: isThorough ? 1 : 2,
        recoveryStride: 23,
        recoverySurvivals: "one",
        seed: 3,
        shrinks,
      };
      const report = await explore(subject, { ...options, scripts: [script] });
      expectSound(profile.name, report);
      expect(report.distinct).toBeGreaterThan(30);
      if (!refuses) expect(subject.met.refused).toBe(0);
    },
  );
});
