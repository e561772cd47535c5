// The types of journal-subject.mjs.
import type { CrashSubject } from "../../src/testing/testing.ts";

export declare const subject: CrashSubject<unknown, { readonly note: number }, readonly number[]>;
