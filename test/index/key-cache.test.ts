// The cache from keys to ids: never wrong, and not emptied when it grows.
import { describe, expect, it } from "vitest";
import { KeyBytes, shortKeyBytesMax } from "../../src/index/key-bytes.ts";
import { KeyCache } from "../../src/index/key-cache.ts";
import { SimulatedRandom } from "../../src/testing/testing.ts";

const key = new KeyBytes();

function put(cache: KeyCache, name: string, id: number): void {
  key.set(name);
  cache.put(key.bytes, 0, key.length, key.hash, id);
}

function forget(cache: KeyCache, name: string): void {
  key.set(name);
  cache.forget(key.bytes, 0, key.length, key.hash);
}

function get(cache: KeyCache, name: string): number {
  key.set(name);
  return cache.get(key);
}

describe("the cache of keys", () => {
  it("knows an id or nothing, whatever came, went and came again while it grew", () => {
    const random = new SimulatedRandom(5);
    const cache = new KeyCache(2 ** 13);
    const ids = new Map<string, number>();
    let known = 0;
    for (let step = 1; step <= 60_000; step++) {
      // The more there are, the more of what is asked for is from before the last growth.
      const name = `n${random.below(1 + step / 8)}`;
      const id = ids.get(name) ?? 0;
      const found = get(cache, name);
      if (found !== 0) expect([name, found]).toEqual([name, id]);
      if (found !== 0) known++;
      if (id === 0) {
        ids.set(name, step);
        put(cache, name, step);
      } else if (random.below(3) === 0) {
        ids.delete(name);
        forget(cache, name);
      } else put(cache, name, id);
    }
    expect(known).toBeGreaterThan(30_000);
  });

  it("has what it had before it grew, in a table of its own until so many others have come", () => {
    const told: number[] = [];
    const cache = new KeyCache(2 ** 12);
    cache.grown = (bytes) => told.push(bytes);
    // 256 slots from the first key on; at the 128th they are 4,096.
    for (let i = 0; i < 128; i++) put(cache, `n${i}`, i + 1);
    const names = Array.from({ length: 128 }, (_, i) => `n${i}`);
    const before = names.filter((name) => get(cache, name) !== 0);
    expect(before.length).toBeGreaterThan(100);
    put(cache, "last", 1000);
    expect(told).toEqual([64 + 8192, 8192, 8192 + 131_072]);
    expect(before.map((name) => get(cache, name) - 1)).toEqual(
      before.map((name) => Number(name.slice(1))),
    );
    for (let i = 0; i < 300; i++) put(cache, `m${i}`, 2000 + i);
    expect(cache.bytes).toBe(131_072);
    expect(told.at(-1)).toBe(131_072);
    expect(get(cache, "last")).toBe(1000);
  });

  it("passes long keys by", () => {
    const cache = new KeyCache(256);
    const long = "x".repeat(shortKeyBytesMax + 1);
    put(cache, long, 1);
    expect(get(cache, long)).toBe(0);
    forget(cache, long);
    put(cache, long.slice(1), 2);
    expect(get(cache, long.slice(1))).toBe(2);
  });
});
