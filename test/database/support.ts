// Opens databases on a simulated machine for the tests of the database's own rules.
import type { Database } from "../../src/database/database.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { open } from "../../src/varve.ts";

export interface Machine {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

export async function machine(
  options: OpenOptions = {},
  ports: SimulatedPorts = simulatedPorts(),
): Promise<Machine> {
  const db = await open("/db", { ...ports, memoryBudget: 16 * 2 ** 20, ...options });
  return { db, ports };
}

/** The code of what a call throws or rejects with, or the name of an error that has none. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "no error";
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    return code ?? name;
  }
}
