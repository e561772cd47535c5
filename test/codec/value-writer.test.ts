// Tests of what can be stored and what is refused, with the path at which it stands.

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../src/codec/bytes.ts";
import { VarveError } from "../../src/codec/errors.ts";
import { limits } from "../../src/codec/limits.ts";
import { readValue, writeValue } from "../../src/codec/values.ts";
import { sameValue } from "../support/same-value.ts";

function roundTrip(value: unknown): unknown {
  const writer = new ByteWriter(0);
  writer.u8(0xee);
  writeValue(writer, value);
  return readValue(new ByteReader().open(writer.bytes, 1, writer.position));
}

function refusal(value: unknown, name?: string): Error {
  try {
    writeValue(new ByteWriter(), value, name);
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was stored");
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { in: value };
  return value;
}

class Point {
  x = 1;
}

describe("writing a value", () => {
  it.each<[string, unknown, string]>([
    ["undefined", undefined, "undefined"],
    ["a function", () => 1, "a function"],
    ["a symbol", Symbol("s"), "a symbol"],
    ["a Map", new Map(), "instance of Map"],
    ["a Set", new Set(), "instance of Set"],
    ["a class instance", new Point(), "instance of Point"],
    ["a boxed number", Object(1), "instance of Number"],
    ["a boxed string", Object("s"), "instance of String"],
    ["a regular expression", /x/, "instance of RegExp"],
    ["an error", new Error("x"), "instance of Error"],
    ["a promise", Promise.resolve(), "instance of Promise"],
    ["another typed array", new Float64Array(1), "instance of Float64Array"],
    ["a clamped array", new Uint8ClampedArray(1), "instance of Uint8ClampedArray"],
    ["an ArrayBuffer", new ArrayBuffer(1), "instance of ArrayBuffer"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "instance of DataView"],
    ["a subclass of Array", new (class List extends Array {})(), "instance of List"],
    ["a subclass of Date", new (class Day extends Date {})(), "instance of Day"],
    ["what only looks like a date", Object.create(Date.prototype), "instance of Date"],
    ["what only looks like an array", Object.create(Array.prototype), "instance of Array"],
    ["an object made from another", Object.create({ a: 1 }), "prototype of its own"],
    ["an object from a bare one", Object.create(Object.create(null)), "prototype of its own"],
    ["a Map of another realm", runInNewContext("new Map()"), "instance of Map"],
    ["a symbol key", { [Symbol("s")]: 1 }, "symbol keys"],
    ["a hole", new Array<number>(2), "a hole in an array"],
    ["undefined in an array", [undefined], "undefined in an array"],
    ["an array with a property", Object.assign([1], { extra: 1 }), "beside its elements"],
    ["a match of a regular expression", /a/.exec("a"), "beside its elements"],
    ["an array with a symbol key", Object.assign([1], { [Symbol("s")]: 1 }), "beside its elements"],
    ["a date with a property", Object.assign(new Date(0), { extra: 1 }), "properties of its own"],
  ])("refuses %s, at the top and inside", (_, value, what) => {
    for (const [whole, path] of [
      [value, "value"],
      [[1, value], "value[1]"],
      [{ a: { "b c": [value] } }, 'value.a["b c"][0]'],
    ] as const) {
      const error = refusal(whole);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(what);
      expect(error.message.startsWith(path)).toBe(true);
      expect(error.message).toContain("values are null, boolean, number, bigint, string");
    }
  });

  it("names what it was told the value is", () => {
    expect(refusal({ f: () => 1 }, "putNode: props.x").message).toMatch(/^putNode: props\.x\.f: /);
  });

  it("refuses what contains itself, and takes what is merely there twice", () => {
    const loop: Record<string, unknown> = { a: { b: [] } };
    ((loop["a"] as Record<string, unknown>)["b"] as unknown[]).push(loop);
    expect(refusal(loop)).toBeInstanceOf(TypeError);
    expect(refusal(loop).message).toBe("value.a.b[0]: contains itself, it is value again");
    expect(refusal([loop]).message).toContain("it is value[0] again");
    const twice = { n: 1 };
    expect(roundTrip([twice, twice, { twice }])).toEqual([{ n: 1 }, { n: 1 }, { twice: { n: 1 } }]);
  });

  it("takes the deepest nesting and refuses one level more", () => {
    expect(roundTrip(nested(limits.valueDepthMax))).toEqual(nested(limits.valueDepthMax));
    const error = refusal(nested(limits.valueDepthMax + 1));
    expect(error).toBeInstanceOf(VarveError);
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", details: { limit: "valueDepthMax" } });
    expect(refusal(nested(50_000))).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("takes a value of exactly the largest size and refuses one byte more", () => {
    const head = 5; // the tag, and four bytes of length
    const most = limits.valueBytesMax - head;
    for (const make of [
      (count: number) => "x".repeat(count),
      (count: number) => new Uint8Array(count),
      (count: number) => (1n << BigInt(8 * count)) - 1n,
    ]) {
      const writer = new ByteWriter();
      writeValue(writer, make(most));
      expect(writer.position).toBe(limits.valueBytesMax);
      expect(refusal(make(most + 1))).toMatchObject({
        code: "LIMIT_EXCEEDED",
        details: { limit: "valueBytesMax", max: limits.valueBytesMax },
      });
      // One byte more for the array itself.
      writeValue(new ByteWriter(), [make(most - 1)]);
      expect(refusal([make(most)])).toMatchObject({ code: "LIMIT_EXCEEDED" });
      expect(refusal({ deep: [make(limits.valueBytesMax + 1)] }).message).toMatch(
        /^value\.deep\[0\]: over 16777216 bytes/,
      );
    }
  });

  it("refuses many small parts that are too much together, and huge empty arrays at once", () => {
    const half = "x".repeat(limits.valueBytesMax / 2);
    expect(refusal({ a: half, b: half })).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(refusal(new Array(2 ** 32 - 1))).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(refusal({ ["k".repeat(limits.valueBytesMax + 1)]: 1 })).toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
  });

  it("measures from where the value begins, not from where the writer does", () => {
    const writer = new ByteWriter();
    const half = { a: "x".repeat(limits.valueBytesMax / 2) };
    for (let i = 0; i < 3; i++) writeValue(writer, half);
    expect(writer.position).toBeGreaterThan(limits.valueBytesMax);
  });

  it("leaves out undefined properties, in small and in large objects", () => {
    for (const count of [3, 15, 16, 17, 128, 129, 300]) {
      const entries = Array.from({ length: count }, (_, i) => [`k${i}`, i] as const);
      for (const keep of [0, 1, count >> 1, count - 1, count]) {
        const value = Object.fromEntries(entries.map(([k, v], i) => [k, i < keep ? v : undefined]));
        expect(roundTrip([value, "behind"])).toEqual([
          Object.fromEntries(entries.slice(0, keep)),
          "behind",
        ]);
      }
    }
  });

  it("takes own enumerable properties only", () => {
    const object = Object.defineProperty({ a: 1 }, "hidden", { value: 2, enumerable: false });
    expect(roundTrip(object)).toEqual({ a: 1 });
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 });
  });

  it("calls each getter once", () => {
    let calls = 0;
    const object = {
      get a(): number {
        calls++;
        return calls;
      },
    };
    expect(roundTrip({ list: [object] })).toEqual({ list: [{ a: 1 }] });
    expect(calls).toBe(1);
  });

  it("keeps what a getter throws, and works on afterwards", () => {
    const thrown = new Error("mine");
    const bad = {
      get a(): never {
        throw thrown;
      },
    };
    expect(refusal({ b: [bad] })).toBe(thrown);
    expect(roundTrip({ b: [{ a: 1 }] })).toEqual({ b: [{ a: 1 }] });
  });

  it("lets a getter write elsewhere, and refuses one that writes in its midst", () => {
    const outer = new ByteWriter();
    const elsewhere = {
      get a(): unknown {
        return roundTrip({ inner: [1, 2] });
      },
      get b(): unknown {
        return refusal({ inner: [() => 1] }, "inner").message.slice(0, 14);
      },
    };
    expect(roundTrip([elsewhere])).toEqual([{ a: { inner: [1, 2] }, b: "inner.inner[0]" }]);
    const inTheMidst = {
      get a(): number {
        writeValue(outer, { x: 1 });
        return 1;
      },
    };
    expect(() => writeValue(outer, { o: inTheMidst })).toThrow("value.o.a: a getter that writes");
  });

  it("takes objects, arrays, dates and bytes of another realm", () => {
    const foreign: unknown = runInNewContext(
      "({ list: [1, { a: null }], at: new Date(5), bytes: new Uint8Array([1, 2]) })",
    );
    const own = { list: [1, { a: null }], at: new Date(5), bytes: Uint8Array.of(1, 2) };
    expect(sameValue(roundTrip(foreign), own)).toBe(true);
  });

  it("takes frozen objects, proxies of plain ones, and parts of larger buffers", () => {
    expect(roundTrip(Object.freeze({ a: Object.freeze([1]) }))).toEqual({ a: [1] });
    expect(roundTrip(new Proxy({ a: 1 }, {}))).toEqual({ a: 1 });
    expect(roundTrip(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toEqual(Uint8Array.of(2, 3));
  });

  it("lets the caller take back a part that was written before a refusal", () => {
    const writer = new ByteWriter();
    writeValue(writer, "kept");
    const position = writer.position;
    expect(() => writeValue(writer, { a: 1, b: Symbol("s") })).toThrow(TypeError);
    expect(writer.position).toBeGreaterThan(position);
    writer.position = position;
    writeValue(writer, [2]);
    const reader = new ByteReader().open(writer.bytes, 0, writer.position);
    expect([readValue(reader), readValue(reader), reader.atEnd]).toEqual(["kept", [2], true]);
  });
});
