// The names of every file in a database directory: builders, one parser, and the list of all of them.

export const FILE = {
  manifestA: "manifest.a",
  manifestB: "manifest.b",
  watermark: "watermark",
  allocation: "allocation",
  reserve: "reserve",
  lock: "lock",
  quarantine: "quarantine",
  /** Only while a first backup is being made here: before its manifest is there. */
  backup: "backup",
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

const checkpointName = /^checkpoint-(\d{10,})$/;

export function checkpointFileName(number: number): string {
  return `checkpoint-${String(number).padStart(10, "0")}`;
}

/** The number of a checkpoint file, or undefined for another name. */
export function parseCheckpointFileName(name: string): number | undefined {
  const match = checkpointName.exec(name);
  return match === null ? undefined : Number(match[1]);
}

const treeName = /^(\d{10,16})-(keys|nodes|out|in|edges|labels)\.tree$/;

/** Trees are named by an id that is never used twice, and by which of a run's trees they are. */
export function treeFileName(treeId: number, name: string): string {
  return `${String(treeId).padStart(10, "0")}-${name}.tree`;
}

export function parseTreeFileName(name: string): { treeId: number; name: string } | undefined {
  const match = treeName.exec(name);
  if (match === null) return undefined;
  const parsed = { treeId: Number(match[1]), name: match[2]! };
  return treeFileName(parsed.treeId, parsed.name) === name ? parsed : undefined;
}

/** Whether a file in the directory is one of the engine's own. */
export function isOwnFile(name: string): boolean {
  return (
    Object.values<string>(FILE).includes(name) ||
    parseSegmentFileName(name) !== undefined ||
    parseCheckpointFileName(name) !== undefined ||
    parseTreeFileName(name) !== undefined
  );
}
