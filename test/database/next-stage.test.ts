// Holds the decisions of what the index needs next, over all combinations of what they are made from.
import { describe, expect, it } from "vitest";
import {
  indexPressure,
  isFull,
  nextStage,
  type StageLimits,
  type StageView,
} from "../../src/database/next-stage.ts";

const limits: StageLimits = { activeBytesMax: 100, activeEventsMax: 10, activeLogBytesMax: 1000 };
const flags = [false, true];

const views: StageView[] = [0, 9, 10].flatMap((activeEvents) =>
  [0, 99, 100].flatMap((activeBytes) =>
    [0, 999, 1000].flatMap((activeLogBytes) =>
      flags.flatMap((hasFrozen) =>
        flags.flatMap((frozenIsDurable) =>
          flags.flatMap((isUnsaved) =>
            flags.flatMap((isWanted) =>
              flags.flatMap((isPassWanted) =>
                flags.map((isPoisoned) => ({
                  activeEvents,
                  activeBytes,
                  activeLogBytes,
                  hasFrozen,
                  frozenIsDurable,
                  isUnsaved,
                  isWanted,
                  isPassWanted,
                  isPoisoned,
                })),
              ),
            ),
          ),
        ),
      ),
    ),
  ),
);

describe("the next stage", () => {
  it("is decided in one order: frozen before unsaved before full or wanted", () => {
    for (const view of views) {
      const due = view.isPoisoned
        ? "none"
        : view.hasFrozen
          ? view.frozenIsDurable
            ? "flush"
            : "wait"
          : view.isUnsaved
            ? "save"
            : view.isPassWanted
              ? "freeze"
              : view.activeEvents === 0
                ? view.activeLogBytes >= limits.activeLogBytesMax
                  ? "freeze"
                  : "none"
                : view.isWanted || isFull(view, limits)
                  ? "freeze"
                  : "none";
      expect(nextStage(view, limits), JSON.stringify(view)).toBe(due);
    }
  });

  it("never flushes what is not durable, nor freezes over a frozen layer", () => {
    for (const view of views) {
      const stage = nextStage(view, limits);
      if (stage === "flush") expect(view.frozenIsDurable).toBe(true);
      if (stage === "freeze") expect(view.hasFrozen).toBe(false);
    }
  });
});

describe("the pressure of the index", () => {
  it("is there while both layers are full, or while runs pile up", () => {
    for (const view of views) {
      const isBehind = view.hasFrozen || view.isUnsaved;
      const expected = isBehind && isFull(view, limits) ? "flush" : undefined;
      expect(indexPressure(view, limits, 3, 3)).toBe(expected);
      expect(indexPressure(view, limits, 4, 3)).toBe(expected ?? "merge");
    }
  });

  it("ends by itself: where writers wait for a flush, the next stage brings its end nearer", () => {
    for (const view of views.filter(({ isPoisoned }) => !isPoisoned)) {
      if (indexPressure(view, limits, 0, 9) === undefined) continue;
      const next = nextStage({ ...view, frozenIsDurable: true }, limits);
      expect(next).toBe(view.hasFrozen ? "flush" : "save");
    }
  });
});
