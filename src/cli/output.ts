// Owns what a command prints to: standard output and standard error, or whatever stands for them.

export interface Output {
  /** The reader went away (`| head`): there is no point in going on. */
  readonly isBroken: boolean;
  /** Aborts when the reader goes away, as far as a line that is printed tells. */
  readonly broken: AbortSignal;
  /** Why not everything could be printed, where the reader is not to blame: a full disk, say. */
  readonly failure: Error | undefined;
  /** Prints a line; await it where many follow. */
  print(line: string): Promise<void>;
  /** Resolves once everything printed has been taken over, or cannot be. */
  flush(): Promise<void>;
  /** A line for standard error. */
  warn(line: string): void;
}
