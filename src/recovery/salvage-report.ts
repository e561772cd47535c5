// What a salvage tells: which LSNs are lost and why, and what became of the files.

/**
 * `damaged`: the bytes are not what was written. `missing`: the file is not there, or is another one. `dependent`: whole
 * transactions that can be read and make no sense without what is lost.
 */
export type LossReason = "damaged" | "missing" | "dependent";

/** LSNs that no longer stand for anything, both ends included. Numbers that were never given out may be among them. */
export interface LostRange {
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly reason: LossReason;
  /** The file that they were in, relative to the database. */
  readonly file: string;
}

export interface SalvageReport {
  /** Whether the log was found whole, so that nothing had to be done. */
  readonly sound: boolean;
  /** In LSN order. */
  readonly lost: readonly LostRange[];
  /** Files that were damaged or missing. */
  readonly damaged: readonly string[];
  readonly warnings: readonly string[];
  /** Events that are kept, and the last of them. */
  readonly events: number;
  readonly lastLsn: number;
}

/** Puts ranges together that touch and have the same reason and file. */
export function joinRanges(ranges: readonly LostRange[]): LostRange[] {
  const joined: LostRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.firstLsn - b.firstLsn)) {
    const last = joined[joined.length - 1];
    const goesOn =
      last !== undefined &&
      range.firstLsn <= last.lastLsn + 1 &&
      range.reason === last.reason &&
      range.file === last.file;
    if (!goesOn) joined.push(range);
    else joined[joined.length - 1] = { ...last, lastLsn: Math.max(last.lastLsn, range.lastLsn) };
  }
  return joined;
}

export function describeLoss({ firstLsn, lastLsn, reason, file }: LostRange): string {
  const lsns = firstLsn === lastLsn ? `LSN ${firstLsn} is` : `LSNs ${firstLsn} to ${lastLsn} are`;
  const why = {
    damaged: `${file} is damaged`,
    missing: `${file} is missing`,
    dependent: `what they build on is lost (${file})`,
  }[reason];
  return `${lsns} lost: ${why}`;
}
