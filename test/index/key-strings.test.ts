// Holds that the cache of keys by id gives the right key or none, with slots of their own and with shared ones.
import { expect, it } from "vitest";
import { KeyStrings } from "../../src/index/key-cache.ts";

it.each([7, 8, 40])("gives each of %i ids its key or none, in eight slots", (count) => {
  const cache = new KeyStrings(8);
  expect(cache.get(1)).toBeUndefined();
  for (let id = 1; id <= count; id++) {
    cache.put(id, `key ${id}`);
    expect(cache.get(id)).toBe(`key ${id}`);
    for (let other = 1; other <= count + 9; other++) {
      const key = cache.get(other);
      if (key !== undefined) expect(key).toBe(`key ${other}`);
      // Until ids share slots nothing is forgotten.
      if (other <= id && id < 8) expect(key).toBe(`key ${other}`);
    }
  }
  cache.forget(count);
  expect(cache.get(count)).toBeUndefined();
  cache.clear();
  for (let id = 1; id <= count; id++) expect(cache.get(id)).toBeUndefined();
});
