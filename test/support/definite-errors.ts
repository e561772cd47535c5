// The errors of a transaction that say for sure that nothing of it was written.

export const saysNothing: ReadonlySet<string> = new Set(["DISK_FULL", "IO", "INDEX_REBUILDING"]);
