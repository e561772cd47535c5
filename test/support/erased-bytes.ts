// Looks for bytes in every file of a database, as whoever finds the disk would.
import type { SimulatedDisk } from "../../src/testing/testing.ts";

/** The files that hold any of these texts, what recovery has set aside left out. */
export function filesWith(disk: SimulatedDisk, texts: readonly string[]): string[] {
  return disk
    .listAll()
    .filter((path) => !path.includes("/quarantine/"))
    .filter((path) => {
      const bytes = Buffer.from(disk.readFile(path));
      return texts.some((text) => bytes.includes(text));
    });
}
