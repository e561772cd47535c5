// Tells a failed sync (what is durable is unknown: fatal for this open) from other disk errors.

export class SyncFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "SyncFailure";
  }
}

/** Waits for work after whose failure nobody knows what the disk holds. */
export async function orSyncFailure(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw error instanceof SyncFailure ? error : new SyncFailure(error);
  }
}
