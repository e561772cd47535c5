// A checkpoint with something in each of its parts.
import type { Checkpoint } from "../../src/index/checkpoint.ts";
import { FrameIndex } from "../../src/log/frame-index.ts";

const index = new FrameIndex();
index.add(1, 500, 4096, 0, 0);
index.add(40, 510, 40_000, 39, 7);

export const sampleCheckpoint: Checkpoint = {
  number: 3,
  lsn: 90,
  position: {
    segmentId: 1,
    offset: 48_000,
    lastLsn: 88,
    lastHash: { lo: 17, hi: 18 },
    eventCount: 80,
    frameCount: 12,
    firstTimeMs: 500,
    lastTimeMs: 530,
    index,
  },
  nextNodeId: 33,
  nextTreeId: 9,
  nodeCount: 21,
  edgeCount: 22,
  names: ["Person", "knows", "\u{1F600}", "Person", "Person", "old"],
  scopedNames: [
    { number: 4, kind: 1, scope: 0 },
    { number: 5, kind: 3, scope: 4 },
    { number: 6, kind: 2, scope: 0 },
  ],
  families: [
    {
      number: 4,
      kind: 1,
      firstLsn: 7,
      droppedLsn: Number.POSITIVE_INFINITY,
      nodes: 3,
      edges: 5,
    },
    { number: 6, kind: 2, firstLsn: 8, droppedLsn: 80, nodes: 2, edges: 0 },
  ],
  states: [
    ["cursor", Uint8Array.of(1, 2, 3)],
    ["", new Uint8Array(0)],
  ],
  runs: [
    {
      firstLsn: 50,
      lastLsn: 90,
      removals: 1,
      trees: [
        { treeId: 7, name: "keys", bytes: 4096, entries: 5 },
        { treeId: 8, name: "out", bytes: 8192, entries: 6 },
      ],
    },
    {
      firstLsn: 1,
      lastLsn: 49,
      removals: 0,
      trees: [{ treeId: 2, name: "labels", bytes: 512, entries: 1 }],
    },
  ],
  segments: [
    { id: 1, generation: 1, baseLsn: 1, lastLsn: 88, state: 0, fileBytes: 65_536, liveBytes: 900 },
  ],
};
