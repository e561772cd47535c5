// `db.backup`: what it may be asked, and what it holds while it runs.
import { VarveError } from "../codec/errors.ts";
import type { Disk } from "../disk/ports.ts";
import { type BackupReport, backUp } from "../recovery/backup.ts";
import type { DatabaseCore } from "./database-core.ts";
import { checkSignal, describe } from "./options.ts";

export interface BackupOptions {
  /** Ends the backup with `ABORTED`; what was there before is there still. */
  readonly signal?: AbortSignal | undefined;
}

export async function backupDatabase(
  core: DatabaseCore,
  path: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const signal = checkArguments(path, options);
  const { ports } = core.settings;
  const { disk, scheduler } = ports;
  const directory = disk.resolve(path);
  const goOn = (): void => {
    core.requireOpen("backup");
    if (signal?.aborted)
      throw new VarveError("ABORTED", "backup: aborted", { cause: signal.reason });
  };
  goOn();
  await requireApart(disk, core.directory, directory);
  // A poisoned log has nothing more to flush; what is durable can be copied all the same.
  if (core.log.poison === undefined) await core.log.flush();
  // Nothing above the horizon is dropped while this is held, and so no segment that compaction has not seen yet.
  const release = core.log.pins.hold("backup", core.log.horizon);
  const releaseFiles = core.log.rewriting?.hold();
  try {
    const pace = async (): Promise<void> => {
      goOn();
      await new Promise<void>((resolve) => scheduler.task(resolve));
      goOn();
    };
    return await backUp(ports, core.directory, directory, pace, async () => {
      if (core.log.poison === undefined) await core.log.syncWatermark();
    });
  } finally {
    releaseFiles?.();
    release();
  }
}

function checkArguments(path: unknown, options: BackupOptions): AbortSignal | undefined {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError("backup: the destination must be a non-empty string without NUL");
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`backup: options must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (name !== "signal") throw new TypeError(`backup: unknown option ${name}`);
  }
  return checkSignal("backup", options.signal);
}

/** Neither the database itself, under whatever name, nor a directory within it. */
async function requireApart(disk: Disk, own: string, directory: string): Promise<void> {
  const { identity } = (await disk.stat(own)) ?? {};
  for (let path = directory; ; path = disk.dirname(path)) {
    if (path === own || (await disk.stat(path))?.identity === identity) {
      throw new VarveError("EXISTS", `backup: ${directory} is in the database itself`, {
        details: { path: directory },
      });
    }
    if (disk.dirname(path) === path) return;
  }
}
