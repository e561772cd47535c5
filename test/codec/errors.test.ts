// Tests of the error class users meet.

import { describe, expect, it } from "vitest";
import { VarveError, varveErrorCodes } from "../../src/codec/errors.ts";

describe("VarveError", () => {
  it("carries code, message, cause and frozen details", () => {
    const cause = new Error("below");
    const error = new VarveError("IO", "the disk said no", { cause, details: { offset: 4096 } });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: "IO", message: "the disk said no", name: "VarveError" });
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ offset: 4096 });
    expect(Object.isFrozen(error.details)).toBe(true);
  });

  it("has empty details and no cause of its own where none were given", () => {
    const error = new VarveError("CLOSED", "closed", { details: undefined, retryable: undefined });
    expect(error.details).toEqual({});
    expect(Object.hasOwn(error, "cause")).toBe(false);
    expect(error.retryable).toBe(false);
  });

  it("is retryable by default for exactly the passing troubles", () => {
    const retryable = varveErrorCodes.filter((code) => new VarveError(code, "").retryable);
    expect(retryable.sort()).toEqual([
      "CONFLICT",
      "DISK_FULL",
      "INDEX_REBUILDING",
      "LOCKED",
      "OVERLOADED",
    ]);
    expect(new VarveError("IO", "", { retryable: true }).retryable).toBe(true);
    expect(new VarveError("LOCKED", "", { retryable: false }).retryable).toBe(false);
  });

  it("names a cancelled call as the platform does", () => {
    expect(new VarveError("ABORTED", "stopped").name).toBe("AbortError");
    expect(String(new VarveError("ABORTED", "stopped"))).toBe("AbortError: stopped");
  });

  it("has each code once", () => {
    expect(new Set(varveErrorCodes).size).toBe(varveErrorCodes.length);
    expect(varveErrorCodes).toHaveLength(26);
  });

  it("names the class at the top of its stack", () => {
    expect(new VarveError("IO", "no").stack).toMatch(/^VarveError: no/);
  });
});
