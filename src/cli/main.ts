#!/usr/bin/env node
// Owns the `varve` command as a process: runs what its arguments ask for, and ends with the exit code.

import { runCommand } from "./command.ts";
import { commandArguments, leave, StandardOutput } from "./node-terminal.ts";

leave(await runCommand(commandArguments(), new StandardOutput()));
