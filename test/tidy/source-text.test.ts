// The scanner that the other tidy tests rest on: it must see code, and nothing but code.
import { describe, expect, it } from "vitest";
import { codeOnly, findings, importsOf, resolveImport, withoutComments } from "./source-text.ts";

describe("source text", () => {
  it("blanks comments and keeps the lines", () => {
    expect(withoutComments("a; // b\n/* c\nd */ e")).toBe("a;     \n    \n     e");
  });

  it("keeps a string that looks like a comment, and blanks it as a string", () => {
    expect(withoutComments('x("// no");')).toBe('x("// no");');
    expect(codeOnly('x("// no"); y')).toBe("x(       ); y");
  });

  it("takes a quote inside a regular expression for no string", () => {
    expect(codeOnly("const q = /[\"'`]/g; setTimeout(")).toContain("setTimeout(");
  });

  it("takes a division for no regular expression", () => {
    expect(codeOnly("a = b / c; later(); d = e / f")).toContain("later()");
  });

  it("finds every form of import", () => {
    const text = `import a from "a";
import type { B } from "./b.ts";
import {
  c,
} from 'c';
import "d";
export { e } from "e";
export * from "f";
const g = await import("g");
type H = import("h").H;
// import z from "z";
`;
    expect(importsOf(text).sort()).toEqual(["./b.ts", "a", "c", "d", "e", "f", "g", "h"]);
  });

  it("resolves relative imports only", () => {
    expect(resolveImport("src/log/a.ts", "../codec/b.ts")).toBe("src/codec/b.ts");
    expect(resolveImport("src/log/a.ts", "rxjs")).toBeUndefined();
  });

  it("names the line of a finding", () => {
    expect(findings("p.ts", "a\nbad", /bad/g, "no")).toEqual(["p.ts:2: no: bad"]);
  });
});
