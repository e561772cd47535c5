// Properties that pass every checksum and still make no sense: whoever reads them is told so with an error of ours.
import { expect, it } from "vitest";
import { ByteReader } from "../../src/codec/bytes.ts";
import { addedProps, readLoggedProps } from "../../src/graph/records.ts";
import { RECORD } from "../../src/log/event-format.ts";
import type { EventLookup } from "../../src/log/event-lookup.ts";
import type { EventReader } from "../../src/log/event-reader.ts";
import { NameTable } from "../../src/log/name-table.ts";

/** An edge whose list of properties names one, and ends. */
function cutOff(): EventReader {
  const bytes = Uint8Array.of(1);
  const body = new ByteReader().open(bytes, 0, 1);
  return { tag: RECORD.edgeAdd, lsn: 7, propsFrom: 0, body } as unknown as EventReader;
}

it("are CORRUPT to a reader of an edge, by the scan of all edges and by its id", () => {
  const names = new NameTable();
  const corrupt = expect.objectContaining({ code: "CORRUPT", details: { lsn: 7 } });
  expect(() => addedProps(cutOff(), names)).toThrow(corrupt);
  const events = { find: cutOff } as unknown as EventLookup;
  expect(() => readLoggedProps(events, names, 7)).toThrow(corrupt);
});
