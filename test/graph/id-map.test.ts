// Compares the map of the searches with the built-in one.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdMap } from "../../src/graph/id-map.ts";

describe("a map of node ids", () => {
  it("holds what was added first, as a built-in map does", () => {
    const id = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(id, fc.nat())), (entries) => {
        const map = new IdMap();
        const model = new Map<number, number>();
        for (const [id, value] of entries) {
          expect(map.add(id, value)).toBe(!model.has(id));
          if (!model.has(id)) model.set(id, value);
        }
        expect(map.count).toBe(model.size);
        for (const [id, value] of model) expect([map.has(id), map.get(id)]).toEqual([true, value]);
        expect(map.has(777_777)).toBe(model.has(777_777));
      }),
    );
  });

  it("grows far without losing any", () => {
    const map = new IdMap();
    for (let id = 1; id <= 50_000; id++) map.add(id * 85_001, id);
    expect(map.count).toBe(50_000);
    for (let id = 1; id <= 50_000; id += 997) expect(map.get(id * 85_001)).toBe(id);
  });
});
