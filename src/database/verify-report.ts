// What a full check tells.

/** What a full check found. */
export interface VerifyReport {
  readonly sound: boolean;
  readonly segments: number;
  readonly frames: number;
  readonly events: number;
  readonly nodes: number;
  readonly edges: number;
  readonly lastLsn: number;
  /** One entry per damage: where and what. */
  readonly problems: readonly VerifyProblem[];
}

export interface VerifyProblem {
  /** A file of the database, or the index that differs from the log. */
  readonly where: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
