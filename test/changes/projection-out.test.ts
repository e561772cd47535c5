// The map of a projection against a plain model: reads, ranges and sizes, with stores that succeed and stores that fail.
import fc from "fast-check";
import { expect, it } from "vitest";
import { compareBytes, wtf8Bytes } from "../../src/codec/text.ts";
import { compareText } from "../../src/codec/text-order.ts";
import { OutMap } from "../../src/database/projection-out.ts";

const keys = ["a", "aa", "b", "é", "\ud800", "\ud83d\ude00", "\uffff", "\ue000", "z", "\ud83d"];
const key = fc.constantFrom(...keys);
const bound = fc.option(key, { nil: undefined });

function byBytes(a: string, b: string): number {
  const [x, y] = [wtf8Bytes(a), wtf8Bytes(b)];
  return compareBytes(x, 0, x.length, y, 0, y.length);
}

type Op =
  | { readonly do: "set"; readonly key: string; readonly value: number }
  | { readonly do: "delete"; readonly key: string }
  | { readonly do: "begin" | "keep" | "lose" | "reload" }
  | { readonly do: "range"; readonly gte: string | undefined; readonly lt: string | undefined };

const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), key, value: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom("begin", "keep", "lose", "reload") }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("range" as const), gte: bound, lt: bound }),
    },
  ),
  { maxLength: 60 },
) as fc.Arbitrary<Op[]>;

it("texts compare as their bytes do", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(key).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Math.sign(byBytes(a, b)));
    }),
  );
});

it("the map is what was set, in order, whatever becomes of the stores", () => {
  fc.assert(
    fc.property(ops, (steps) => {
      const stored = new Map<string, unknown>();
      let model = new Map<string, number>();
      let storing:
        | { entries: ReadonlyMap<string, Uint8Array | null>; model: typeof model }
        | undefined;
      let storedModel = new Map<string, number>();
      const out = new OutMap<number>(() => stored);
      out.isWritable = true;
      for (const step of steps) {
        if (step.do === "set") {
          if (step.value % 2 === 0) out.put(step.key, step.value);
          else out.set(step.key, step.value);
          model.set(step.key, step.value);
        } else if (step.do === "delete") {
          expect(out.delete(step.key)).toBe(model.delete(step.key));
        } else if (step.do === "begin" && storing === undefined) {
          storing = { entries: out.beginStore(), model: new Map(model) };
        } else if (step.do === "keep" && storing !== undefined) {
          for (const [name, bytes] of storing.entries) {
            if (bytes === null) stored.delete(name);
            else stored.set(name, bytes);
          }
          storedModel = storing.model;
          storing = undefined;
          out.endStore(true);
        } else if (step.do === "lose" && storing !== undefined) {
          storing = undefined;
          out.endStore(false);
        } else if (step.do === "reload" && storing === undefined) {
          out.reload();
          model = new Map(storedModel);
        } else if (step.do === "range") {
          const { gte, lt } = step;
          const due = [...model]
            .filter(([name]) => gte === undefined || byBytes(name, gte) >= 0)
            .filter(([name]) => lt === undefined || byBytes(name, lt) < 0)
            .sort(([a], [b]) => byBytes(a, b));
          expect([...out.range({ gte, lt })]).toEqual(due);
          expect([...out.range({ gte, lt, reverse: true, limit: 2 })]).toEqual(
            due.reverse().slice(0, 2),
          );
        }
        expect(out.size).toBe(model.size);
        for (const name of keys) expect(out.get(name)).toBe(model.get(name));
      }
      const sorted = [...model].sort(([a], [b]) => byBytes(a, b));
      expect([...out.range()]).toEqual(sorted);
      const [first] = sorted[0] ?? ["a"];
      expect([...out.range({ gt: first })]).toEqual(sorted.slice(1));
      expect([...out.range({ lte: first })]).toEqual(sorted.slice(0, 1));
    }),
  );
});

it("the map can be changed by apply alone, and gives out copies", () => {
  const out = new OutMap<{ list: number[] }>(() => new Map());
  expect(() => out.put("a", { list: [] })).toThrow("only apply may change it");
  out.isWritable = true;
  const value = { list: [1] };
  out.put("a", value);
  value.list.push(2);
  out.get("a")?.list.push(3);
  expect(out.get("a")).toEqual({ list: [1] });
  out.isWritable = false;
  expect(() => out.delete("a")).toThrow(TypeError);
  expect(() => out.range({ gte: 1 as never })).toThrow(TypeError);
  expect(() => out.range({ limit: -1 })).toThrow(RangeError);
  expect(() => out.get(1 as never)).toThrow(TypeError);
});
