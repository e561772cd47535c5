// Objects of properties come out the same by whichever way they are made.
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/codec/bytes.ts";
import { writeValue } from "../../src/codec/values.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { type Props, readProps } from "../../src/log/props-codec.ts";

/** More often than it takes until a list of names is given a place of its own. */
const often = 600;

type List = readonly (readonly [name: string, value: unknown])[];

function listBytes(list: List, names: NameTable): ByteReader {
  const writer = new ByteWriter();
  for (const [name, value] of list) {
    writer.varint(names.idOf(name) || names.add(name));
    writeValue(writer, value);
  }
  writer.varint(0);
  return new ByteReader().open(writer.bytes, 0, writer.position);
}

function read(list: List, names: NameTable): Props {
  const reader = listBytes(list, names);
  const props = readProps(reader, names);
  if (!reader.atEnd) throw new Error("did not read to the end");
  return props;
}

/** By the plainest way there is. */
function plain(list: List): Props {
  const props: Props = {};
  for (const [name, value] of list) {
    Object.defineProperty(props, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return props;
}

function expectSame(list: List, names: NameTable): void {
  const props = read(list, names);
  const expected = plain(list);
  expect(Object.getOwnPropertyDescriptors(props)).toEqual(
    Object.getOwnPropertyDescriptors(expected),
  );
  expect(Object.keys(props)).toEqual(Object.keys(expected));
  expect(Object.getPrototypeOf(props)).toBe(Object.prototype);
}

const lists: readonly List[] = [
  [],
  [["time", 1]],
  [
    ["time", 1.5],
    ["weight", "text"],
  ],
  [
    ["weight", 1],
    ["time", null],
  ],
  [
    ["time", 1],
    ["weight", 2],
    ["since", [1, 2]],
  ],
  [
    ["time", 1],
    ["weight", 2],
    ["since", true],
    ["until", { a: 1 }],
  ],
  [
    ["time", 1],
    ["weight", 2],
    ["since", true],
    ["until", 4],
    ["b", 5],
    ["a", 6],
  ],
  [
    ["b", 1],
    ["1", 2],
    ["0", 3],
  ],
  [
    ["a", 1],
    ["__proto__", { x: 1 }],
    ["constructor", 2],
    ["toString", 3],
  ],
  [
    ["a", 1],
    ["b", 2],
    ["c", 3],
    ["d", 4],
    ["__proto__", 5],
    ["7", 6],
  ],
  [["", 1]],
  [
    ["é", 1],
    ["\u0000", 2],
  ],
  [
    ["a", 1],
    ["a", 2],
  ],
];

describe("properties", () => {
  it("are the same the first time, often and among others, whatever their names and values", () => {
    const names = new NameTable();
    for (let round = 0; round < 3; round++) {
      for (const list of lists) {
        expectSame(list, names);
        for (let i = 0; i < often; i++) read(list, names);
        expectSame(list, names);
        expectSame(
          list.map(([name]) => [name, `other ${name}`]),
          names,
        );
      }
    }
    for (const list of lists) expectSame(list, names);
  });

  it("are fresh objects", () => {
    const names = new NameTable();
    const list: List = [
      ["time", 1],
      ["weight", 2],
    ];
    for (let i = 0; i < often; i++) read(list, names)["weight"] = i;
    expect(read(list, names)).toEqual({ time: 1, weight: 2 });
    const other = read(list, names);
    delete other["time"];
    expect(read(list, names)).toEqual({ time: 1, weight: 2 });
  });

  it("follow a number that comes to stand for another name", () => {
    const names = new NameTable();
    names.add("kept");
    const mark = names.mark();
    for (let i = 0; i < often; i++)
      read(
        [
          ["kept", 1],
          ["old", 2],
        ],
        names,
      );
    names.truncate(mark);
    expect(
      read(
        [
          ["kept", 1],
          ["new", 2],
        ],
        names,
      ),
    ).toEqual({ kept: 1, new: 2 });
  });

  it("of two dictionaries do not mix", () => {
    const one = new NameTable();
    const other = new NameTable();
    for (let i = 0; i < often; i++) {
      expect(
        Object.keys(
          read(
            [
              ["a", 1],
              ["b", 2],
            ],
            one,
          ),
        ),
      ).toEqual(["a", "b"]);
      expect(
        Object.keys(
          read(
            [
              ["x", 1],
              ["a", 2],
            ],
            other,
          ),
        ),
      ).toEqual(["x", "a"]);
    }
  });

  it("come in more lists than are remembered", () => {
    const names = new NameTable();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 400; i++)
        expectSame(
          [
            [`a${i}`, 1],
            [`b${i % 10}`, i],
          ],
          names,
        );
    }
  });

  it("are malformed where a name is not defined, at any place of the list", () => {
    for (let count = 1; count <= 6; count++) {
      const names = new NameTable();
      const list: List = Array.from({ length: count }, (_, i) => [`n${i}`, i] as const);
      const reader = listBytes(list, names);
      names.truncate(count);
      expect(() => readProps(reader, names)).toThrow(MalformedBytes);
    }
  });
});
