// Each of the places at which objects of known lists of properties are made, for lists of every length.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ByteReader, ByteWriter } from "../../src/codec/bytes.ts";
import { writeValue } from "../../src/codec/values.ts";
import { NameTable } from "../../src/log/name-table.ts";

const places = 6;
/** More often than it takes until a list of names is given a place of its own. */
const often = 600;

// The first lists that come often take the places for good, in all of a process: each test begins with none taken.
beforeEach(() => vi.resetModules());

describe.each([1, 2, 3, 4])("lists of %i names", (length) => {
  it("come out the same at each place, before they have one and where none is left", async () => {
    const { readProps } = await import("../../src/log/props-codec.ts");
    const names = new NameTable();
    for (let list = 0; list <= places; list++) {
      const keys = Array.from({ length }, (_, i) => `of list ${list}, ${i}`);
      for (let use = 0; use < often; use++) {
        const writer = new ByteWriter();
        for (const [i, key] of keys.entries()) {
          writer.varint(names.idOf(key) || names.add(key));
          writeValue(writer, use + i);
        }
        writer.varint(0);
        const reader = new ByteReader().open(writer.bytes, 0, writer.position);
        const props = readProps(reader, names);
        expect(Object.entries(props)).toEqual(keys.map((key, i) => [key, use + i]));
      }
    }
  });
});
