// Owns the look into every input before anything is written: its format, header and columns, so that a wrong option is
// told while the disk is still as it was.

import { type ColumnChoices, columnsOf } from "./columns.ts";
import { UsageError } from "./exit.ts";
import { type FormatName, inputFormat, rowReader } from "./input-format.ts";
import { type InputFile, inspectInput, readInput, replay } from "./node-input.ts";
import { columnMapping, objectMapping, type RowMapping } from "./row-mapping.ts";
import type { Row, RowReader } from "./rows.ts";
import { TextBlocks } from "./text-blocks.ts";

/** One `--nodes` or `--edges` with the options in force where it stands on the command line. */
export interface InputRequest {
  readonly kind: "nodes" | "edges";
  readonly name: string;
  readonly format: FormatName | "auto";
  readonly delimiter: string | undefined;
  readonly hasHeader: boolean;
  readonly columns: readonly string[];
  readonly choices: ColumnChoices;
  /** The graph that the rows go to; undefined for the default one. */
  readonly graph: string | undefined;
}

/** An input that is known to be readable, with all that is needed to read it. */
export interface PlannedInput {
  readonly request: InputRequest;
  readonly file: InputFile;
  readonly mapping: RowMapping;
  /** The first row is the header. */
  readonly skipsHeader: boolean;
  createReader(): RowReader;
  /** Unpacked bytes from the start; `onRead` hears of the bytes read from disk. */
  read(onRead: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined>;
}

/** Looks into all inputs, in order; throws a `UsageError` for the first that cannot be taken. */
export async function planInputs(requests: readonly InputRequest[]): Promise<PlannedInput[]> {
  const files = requests.map((request) => inspectInput(request.name));
  const [first, second] = files.filter((file) => file.name === "-");
  if (first && second) throw new UsageError("standard input (-) can be read only once");
  const planned: PlannedInput[] = [];
  for (const [ordinal, request] of requests.entries()) {
    planned.push(await planInput(request, files[ordinal] as InputFile));
  }
  return planned;
}

async function planInput(request: InputRequest, file: InputFile): Promise<PlannedInput> {
  let heldBytes = 0;
  const bytes = readInput(file, (count) => {
    heldBytes += count;
  });
  const held: Uint8Array[] = [];
  const { head, rows, format } = await firstRows(request, bytes, held);
  if (file.isRepeatable) await bytes.return();
  const skipsHeader = format.name === "csv" && request.hasHeader;
  const mapping = planMapping(request, format.name, skipsHeader, rows, head);
  return {
    request,
    file,
    mapping,
    skipsHeader,
    createReader: () => rowReader(format),
    read(onRead) {
      if (file.isRepeatable) return readInput(file, onRead);
      onRead(heldBytes);
      return replay(held, bytes);
    },
  };
}

async function firstRows(
  request: InputRequest,
  bytes: AsyncGenerator<Uint8Array, void, undefined>,
  held: Uint8Array[],
): Promise<{ head: string; rows: Row[]; format: ReturnType<typeof inputFormat> }> {
  const blocks = new TextBlocks();
  const rows: Row[] = [];
  let reader: RowReader | undefined;
  let head = "";
  const formatOf = () =>
    inputFormat({
      fileName: request.name,
      kind: request.kind,
      head,
      format: request.format,
      delimiter: request.delimiter,
    });
  for (;;) {
    const next = await bytes.next();
    if (!next.done) held.push(next.value);
    const block = next.done ? blocks.end() : blocks.push(next.value);
    if (block) {
      if (head === "") head = block.text;
      reader ??= rowReader(formatOf());
      reader.push(block, rows);
    }
    if (next.done) reader?.end(rows);
    if (next.done || rows.length > 0) return { head, rows, format: formatOf() };
  }
}

function planMapping(
  request: InputRequest,
  format: FormatName,
  skipsHeader: boolean,
  rows: readonly Row[],
  head: string,
): RowMapping {
  const { kind, choices, name } = request;
  try {
    if (format === "ndjson") {
      if (request.columns.length > 0) throw new UsageError("--columns has no meaning for NDJSON");
      return objectMapping(kind, rows, choices);
    }
    const [first] = rows;
    if (skipsHeader && first?.problem !== undefined) {
      throw new UsageError(`the header cannot be read: ${first.problem}`);
    }
    const width = rows.find((row) => row.fields)?.fields?.length ?? 0;
    const header = skipsHeader ? (first?.fields ?? []) : new Array<string>(width).fill("");
    if (request.columns.length > header.length && first !== undefined) {
      throw new UsageError(
        `--columns names ${request.columns.length} columns, the file has ${header.length}`,
      );
    }
    const columns = columnsOf([...request.columns, ...header.slice(request.columns.length)]);
    // An empty file has no columns to find fault with.
    if (head === "") return columnMapping(kind, columns, noChoices, { isRagged: true });
    return columnMapping(kind, columns, choices, { isRagged: format === "edgelist" });
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}

const noChoices: ColumnChoices = {
  key: undefined,
  label: undefined,
  from: undefined,
  to: undefined,
  type: undefined,
};
