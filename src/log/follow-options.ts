// What a log that another handle writes is followed with.
import type { Manifest } from "./manifest-codec.ts";
import type { Segment } from "./segment.ts";

/** Between two looks at the watermark: while someone waits for the log to grow, and while nobody does. */
export const pollMs = { awaited: 10, idle: 50 } as const;
/** So often it is asked whether the files are still those of the names. */
export const fullLookMs: number = 1000;
/** What is amiss so many times in a row is damage; before that it may be a write that was under way. */
export const attemptsMax: number = 5;

export interface FollowOptions {
  readonly frameCacheBytes: number;
  /**
   * Takes over what a checkpoint of this manifest holds; resolves to the segments up to its position, or to undefined where
   * none can be used. The sink gets what comes behind.
   */
  readonly begin?: ((manifest: Manifest) => Promise<readonly Segment[] | undefined>) | undefined;
}

/** Who keeps an index beside the log. */
export interface FollowCompanion {
  /** Everything that was durable is applied. */
  refreshed(): void;
  /** Nothing more will be; resolves once nothing of its own is under way. */
  ended(): Promise<void>;
}

/** Who waits for an LSN to be durable. */
export interface FollowWaiter {
  readonly lsn: number;
  resolve(): void;
  reject(error: unknown): void;
}
