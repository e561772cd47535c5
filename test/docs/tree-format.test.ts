// Holds docs/FORMAT-TREES.md to the code: its tables against the exported constants, its sizes against the limits.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  TREE_FOOTER,
  TREE_TRAILER,
  treeMagic,
  treeTrailerBytes,
  treeTrailerMagic,
  treeVersion,
} from "../../src/index/disk-tree-format.ts";
import { filterLineBytes } from "../../src/index/page-filter.ts";
import {
  CHILD_WORD,
  COLUMN_KIND,
  childWords,
  columnHeaderBytes,
  decodedBytesTarget,
  PAGE_HEADER,
  PAGE_KIND,
  pageEntriesMax,
  pageHasFence,
  pageHeaderBytes,
  pageLengthMax,
  pageMagic,
  runsHeaderBytes,
} from "../../src/index/page-format.ts";
import { TREE_KIND, treeNames, treeShapes } from "../../src/index/tree-kind.ts";
import { treeFileName } from "../../src/log/file-names.ts";

const page = readFileSync(new URL("../../docs/FORMAT-TREES.md", import.meta.url), "utf8");

/** The rows of each table behind its head, without the marks of code. */
const tables: readonly (readonly (readonly string[])[])[] = page
  .split(/\n(?!\|)/)
  .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
  .filter((lines) => lines.length > 2)
  .map((lines) =>
    lines.slice(2).map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim().replaceAll("`", "")),
    ),
  );
const [kinds, header, child, columns, footer, trailer] = tables;

/** Name by offset, once the fields are known to follow one another without a gap. */
function offsetsOf(rows: readonly (readonly string[])[]): Record<string, number> {
  let at = 0;
  return Object.fromEntries(
    rows.map(([offset, width, name]) => {
      expect(Number(offset), name).toBe(at);
      at += Number(width);
      return [name!, Number(offset)];
    }),
  );
}

function endOf(rows: readonly (readonly string[])[]): number {
  return rows.reduce((sum, [, width]) => sum + Number(width), 0);
}

function numbered(rows: readonly (readonly string[])[]): Record<string, number> {
  return Object.fromEntries(rows.map(([number, name]) => [name!, Number(number)]));
}

/** What a number says when its bytes, the low one first, are read as letters. */
function letters(value: number): string {
  return String.fromCharCode(...[0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));
}

function meaningOf(rows: readonly (readonly string[])[], name: string): string {
  return rows.find(([, , field]) => field === name)![3]!;
}

describe("the layouts of docs/FORMAT-TREES.md", () => {
  it("are all of them known here", () => {
    expect(tables).toHaveLength(6);
  });

  it("say where the fields of a page, a footer and its trailer are", () => {
    expect(offsetsOf(header!)).toEqual(PAGE_HEADER);
    expect(endOf(header!)).toBe(pageHeaderBytes);
    expect(offsetsOf(footer!)).toEqual(TREE_FOOTER);
    expect(offsetsOf(trailer!)).toEqual(TREE_TRAILER);
    expect(endOf(trailer!)).toBe(treeTrailerBytes);
  });

  it("say the magic words and the version", () => {
    expect(meaningOf(header!, "magic")).toBe(`"${letters(pageMagic)}"`);
    expect(meaningOf(trailer!, "magic")).toBe(`"${letters(treeTrailerMagic)}"`);
    expect(meaningOf(footer!, "magic")).toBe(`"${treeMagic}"`);
    expect(Number(meaningOf(footer!, "version"))).toBe(treeVersion);
  });

  it("say the kinds of pages and their flags", () => {
    const { leaf, inner, filter } = PAGE_KIND;
    const kind = `${leaf}: leaf, ${inner}: inner, ${filter}: block of the filter`;
    expect(meaningOf(header!, "kind")).toBe(kind);
    expect(meaningOf(header!, "flags")).toMatch(new RegExp(`^${pageHasFence}: the last entry`));
  });

  it("say the words of an inner entry and the kinds of columns", () => {
    expect(numbered(child!)).toEqual(CHILD_WORD);
    expect(child).toHaveLength(childWords);
    expect(numbered(columns!)).toEqual(COLUMN_KIND);
  });

  it("say the trees, and how many words the entries of each have", () => {
    expect(numbered(kinds!)).toEqual(TREE_KIND);
    for (const [number, name, entry] of kinds!) {
      const tree = treeNames[Number(number) - 1]!;
      expect(tree).toBe(name);
      const { keyBytes, blob, width, payloadWords } = treeShapes[tree];
      // What stands in parentheses explains; "or 0 and 0" is another value of the same words.
      const parts = entry!
        .replaceAll(/\([^)]*\)/g, "")
        .replace(", or 0 and 0", "")
        .split(";")
        .map((part) => part.split(",").map((word) => word.trim()));
      const [order, rest] = parts as [string[], string[]];
      expect(order.includes("key bytes"), name).toBe(keyBytes);
      expect(rest.includes("record"), name).toBe(blob);
      expect(order.length - (keyBytes ? 1 : 0), name).toBe(width - payloadWords);
      expect(rest.length - (blob ? 1 : 0), name).toBe(payloadWords);
    }
  });

  it("say the sizes", () => {
    const text = page.replaceAll(/\s+/g, " ");
    expect(text).toContain(`the base: ${columnHeaderBytes} bytes`);
    expect(text).toContain(`(a byte): ${runsHeaderBytes} bytes`);
    expect(text).toContain(`takes ${decodedBytesTarget} bytes in memory`);
    expect(text).toContain(`has ${pageEntriesMax} entries`);
    expect(text).toContain(`longer than ${pageLengthMax} bytes`);
    expect(text).toContain(`one line of ${filterLineBytes} bytes`);
  });

  it("say how a file is named", () => {
    expect(page).toContain("`<tree id, 10 digits>-<tree>.tree`");
    expect(treeFileName(12, "out")).toBe("0000000012-out.tree");
  });
});
