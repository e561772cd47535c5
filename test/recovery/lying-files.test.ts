// Opens databases whose files have right checksums and belong elsewhere: each is refused, by what is wrong with it, and left as it is.
import { beforeAll, describe, expect, it } from "vitest";
import { type Manifest, SEGMENT_STATE } from "../../src/log/manifest-codec.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { takeApart, withLastFrame } from "../corruption/crafted.ts";
import {
  cleanSpecimen,
  digestOf,
  imageOf,
  indexedSpecimen,
  openIndexed,
  openOn,
  sameImage,
  withFile,
} from "../corruption/specimen.ts";
import {
  manifestOf,
  segmentPaths,
  withByte,
  withEntry,
  withFooter,
  withHeader,
} from "./rewritten.ts";

interface Specimen {
  readonly disk: SimulatedDisk;
  readonly segments: Manifest["segments"];
  readonly paths: readonly string[];
}

/** Read whole by each opening. */
let plain: Specimen;
/** With a checkpoint in the last segment: those before it are passed by their headers and footers. */
let indexed: Specimen;

beforeAll(async () => {
  plain = specimenOf(await cleanSpecimen(1));
  indexed = specimenOf(await indexedSpecimen(2));
});

function specimenOf(disk: SimulatedDisk): Specimen {
  return { disk, segments: manifestOf(disk).segments, paths: segmentPaths(disk) };
}

async function expectRefused(disk: SimulatedDisk, fault: string): Promise<void> {
  const before = imageOf(disk);
  for (const opening of [openOn, openIndexed]) {
    await expect(opening(disk), fault).rejects.toMatchObject({
      code: "CORRUPT",
      details: { fault },
    });
  }
  expect(sameImage(before, imageOf(disk)), fault).toBe(true);
}

const other = { lo: 7, hi: 7 };

describe("a segment's header", () => {
  it("of another database, place or generation is foreign", async () => {
    for (const { disk, paths } of [plain, indexed]) {
      const lies = [
        { databaseId: new Uint8Array(16).fill(9) },
        { segmentId: 77 },
        { generation: 3 },
        { baseLsn: 2 },
      ];
      for (const lie of lies)
        await expectRefused(withHeader(disk, paths[1]!, lie), "foreign header");
    }
  });

  it("that goes on from another frame breaks the chain", async () => {
    for (const { disk, paths } of [plain, indexed]) {
      for (const path of paths.slice(1)) {
        await expectRefused(withHeader(disk, path, { previousHash: other }), "broken chain");
      }
    }
  });
});

describe("a sealed segment", () => {
  it("whose footer tells of another end is damaged", async () => {
    for (const { disk, paths, segments } of [plain, indexed]) {
      const { dataEnd, lastLsn } = segments[0]!;
      for (const lie of [{ lastLsn: lastLsn - 1 }, { closingHash: other }]) {
        await expectRefused(withFooter(disk, paths[0]!, dataEnd, lie), "footer");
      }
    }
  });

  it("of which the manifest tells another end than its frames have is damaged", async () => {
    const lastLsn = plain.segments[0]!.lastLsn - 1;
    await expectRefused(withEntry(plain.disk, 0, { lastLsn }), "wrong end");
    await expectRefused(withEntry(indexed.disk, 0, { dataEnd: 10 }), "footer");
    const closingHash = other;
    const told = withEntry(indexed.disk, 0, { closingHash });
    await expectRefused(told, "not what the manifest tells of");
  });

  it("that reaches into the next one is refused, whoever says so", async () => {
    const { disk, paths, segments } = indexed;
    const [{ dataEnd }, { baseLsn }] = [segments[0]!, segments[1]!];
    const reaching = withFooter(disk, paths[0]!, dataEnd, { lastLsn: baseLsn });
    await expectRefused(withEntry(reaching, 0, { lastLsn: baseLsn }), "overlapping LSNs");
  });

  it("is not the last one, nor is one that takes appends before another", async () => {
    for (const { disk, segments } of [plain, indexed]) {
      await expectRefused(withEntry(disk, 0, { state: SEGMENT_STATE.active }), "manifest");
      const last = segments.length - 1;
      await expectRefused(withEntry(disk, last, { state: SEGMENT_STATE.sealed }), "manifest");
    }
  });
});

describe("a segment that a recovery had not finished cutting", () => {
  function cutPending({ disk, segments, paths }: Specimen): SimulatedDisk {
    const bytes = disk.readFile(paths[0]!).subarray(0, segments[0]!.dataEnd);
    const bare = withFile(disk, paths[0]!, bytes);
    return withEntry(bare, 0, { state: SEGMENT_STATE.cutPending });
  }

  it("before a checkpoint's place is read, and given the footer it misses", async () => {
    const { db } = await openOn(indexed.disk.clone());
    const digest = await digestOf(db);
    await db.close();
    const again = await openIndexed(cutPending(indexed));
    expect(again.db.recovery).toMatchObject({ clean: false, rebuilt: [] });
    expect(await digestOf(again.db)).toBe(digest);
    const { disk } = again.ports;
    expect(manifestOf(disk).segments[0]!.state).toBe(SEGMENT_STATE.sealed);
    const footed = disk.readFile(indexed.paths[0]!);
    expect(footed).toEqual(indexed.disk.readFile(indexed.paths[0]!));
    await again.db.close();
  });

  it("and is damaged, or ends elsewhere, is refused", async () => {
    const cut = cutPending(indexed);
    const { dataEnd, lastLsn } = indexed.segments[0]!;
    await expectRefused(withByte(cut, indexed.paths[0]!, dataEnd - 20), "hash");
    const told = withEntry(cut, 0, { lastLsn: lastLsn - 1 });
    await expect(openIndexed(told)).rejects.toMatchObject({ details: { fault: "sealed-end" } });
  });
});

describe("the segment of a checkpoint's place", () => {
  it("that is shorter, or has other frames before that place, is not what the checkpoint saw", async () => {
    const { disk, paths } = indexed;
    const path = paths.at(-1)!;
    const frames = takeApart(disk, path).frames;
    // The checkpoint stands before the last frame.
    const end = frames.at(-1)!.at;
    const short = withFile(disk, path, disk.readFile(path).subarray(0, end - 8));
    await expectRefused(short, "ends before its checkpoint");
    const inside = withByte(disk, path, end - 20);
    await expectRefused(inside, "not what its checkpoint has seen");
  });
});

describe("a check of an open database", () => {
  interface Damage {
    readonly fault: string;
    readonly damaged: (specimen: Specimen) => SimulatedDisk;
  }

  const damages: Damage[] = [
    { fault: "header", damaged: ({ disk, paths }) => withByte(disk, paths[1]!, 100) },
    {
      fault: "broken chain",
      damaged: ({ disk, paths }) => withHeader(disk, paths[1]!, { previousHash: other }),
    },
    { fault: "hash", damaged: ({ disk, paths }) => withByte(disk, paths[1]!, 4096 + 70) },
    { fault: "footer", damaged: ({ disk, paths }) => withByte(disk, paths[1]!, -1) },
    {
      fault: "footer",
      damaged: ({ disk, paths, segments }) =>
        withFooter(disk, paths[1]!, segments[1]!.dataEnd, { closingHash: other }),
    },
    {
      fault: "misplaced",
      damaged: ({ disk, paths }) => {
        const apart = takeApart(disk, paths.at(-1)!);
        const { payload } = apart.frames.at(-1)!;
        return withLastFrame(apart, { payload, previousHash: 1 });
      },
    },
    {
      fault: "sealed-end",
      damaged: ({ disk, paths }) => {
        const apart = takeApart(disk, paths.at(-1)!);
        const last = apart.frames.at(-1)!;
        const later = { ...last, timeMs: last.timeMs + 1 };
        const frames = [...apart.frames.slice(0, -1), later];
        return withLastFrame({ ...apart, frames }, { payload: last.payload });
      },
    },
  ];

  it.each(damages)("says what is wrong with a file since: $fault", async ({ fault, damaged }) => {
    const { db, ports } = await openOn(plain.disk.clone());
    expect(await db.verify()).toMatchObject({ sound: true, problems: [] });
    const changed = damaged(plain);
    for (const path of plain.paths) ports.disk.writeFile(path, changed.readFile(path));
    const { sound, problems } = await db.verify();
    expect(sound).toBe(false);
    expect(problems[0]).toMatchObject({ details: { fault } });
    await db.close();
  });
});
