// Owns `varve repair`: makes a damaged database one that opens again, and says what is lost; or only says it.

import type { Command } from "commander";
import { exitCodes } from "./exit.ts";
import { toJson } from "./json-values.ts";
import { type CommandContext, printable, printJson } from "./reading.ts";

interface RepairCommandOptions {
  readonly dryRun?: true;
  readonly json?: true;
}

export function addRepair(program: Command, context: CommandContext): void {
  program
    .command("repair")
    .description(
      "keep what can be read of a damaged database, set aside what it replaces, and say which LSNs are lost",
    )
    .argument("<db>", "directory of the database")
    .option("--dry-run", "only say what would be lost; changes no byte")
    .option("--json", "print one JSON object")
    .action((path: string, options: RepairCommandOptions) => run(context, path, options));
}

async function run(
  context: CommandContext,
  path: string,
  options: RepairCommandOptions,
): Promise<void> {
  const dryRun = options.dryRun === true;
  const { repair } = await import("../varve.ts");
  const report = await repair(path, { dryRun });
  context.exitCode = exitCodes.done;
  const { output } = context;
  if (options.json) {
    await printJson(output, { dryRun, ...(toJson(report) as object) });
    return;
  }
  const { sound, lost, lastLsn, quarantined, warnings } = report;
  const count = lost.reduce((sum, range) => sum + range.lastLsn - range.firstLsn + 1, 0);
  const outcome = dryRun ? "would be lost" : "lost";
  await output.print(
    sound
      ? "sound: nothing to repair"
      : `${dryRun ? "damaged" : "repaired"}: ${count.toLocaleString("en")} LSNs ${outcome}, last LSN ${lastLsn}`,
  );
  for (const warning of warnings) await output.print(`  ${printable(warning)}`);
  for (const name of quarantined) await output.print(`  kept aside: ${printable(name)}`);
}
