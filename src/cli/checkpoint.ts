// Owns `varve checkpoint`: has everything in the log stood for by index files, so that the next open replays nothing.

import type { Command } from "commander";
import { exitCodes } from "./exit.ts";
import { type CommandContext, onceRebuilt, withDatabase } from "./reading.ts";

export function addCheckpoint(program: Command, context: CommandContext): void {
  program
    .command("checkpoint")
    .description("write the index to disk, so that the next open replays nothing")
    .argument("<db>", "directory of the database")
    .action(async (path: string) => {
      const lsn = await withDatabase(path, async (db) => {
        await onceRebuilt(() => db.checkpoint());
        return db.stats().checkpointLsn;
      });
      context.exitCode = exitCodes.done;
      await context.output.print(`checkpoint at LSN ${lsn}`);
    });
}
