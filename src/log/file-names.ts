// The names of every file in a database directory: builders, one parser, and the list of all of them.

export const FILE = {
  manifestA: "manifest.a",
  manifestB: "manifest.b",
  watermark: "watermark",
  allocation: "allocation",
  reserve: "reserve",
  lock: "lock",
  quarantine: "quarantine",
} as const;

const segmentName = /^(\d{16})-(\d{4,})\.log$/;

/** Segments are named by what they own, so that a directory listing is in log order. */
export function segmentFileName(baseLsn: number, generation: number): string {
  return `${String(baseLsn).padStart(16, "0")}-${String(generation).padStart(4, "0")}.log`;
}

export function parseSegmentFileName(
  name: string,
): { baseLsn: number; generation: number } | undefined {
  const match = segmentName.exec(name);
  if (match === null) return undefined;
  return { baseLsn: Number(match[1]), generation: Number(match[2]) };
}

/** Whether a file in the directory is one of the engine's own. */
export function isOwnFile(name: string): boolean {
  return Object.values<string>(FILE).includes(name) || parseSegmentFileName(name) !== undefined;
}
