// What a log that another handle writes is followed with.
import type { Manifest } from "./manifest-codec.ts";
import type { Segment } from "./segment.ts";

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
