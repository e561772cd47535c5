// Owns how an input's format is told, by the name of the file and by its first lines, when no option says it.

import { defaultNames } from "./columns.ts";
import { CsvRows } from "./csv-rows.ts";
import { EdgeListRows } from "./edge-list-rows.ts";
import { NdjsonRows } from "./ndjson-rows.ts";
import type { RowReader } from "./rows.ts";

export type FormatName = "csv" | "ndjson" | "edgelist";

export interface InputFormat {
  readonly name: FormatName;
  /** One character; `undefined` for NDJSON and for an edge list separated by white space. */
  readonly delimiter: string | undefined;
}

const formatByExtension: Readonly<Record<string, FormatName>> = {
  csv: "csv",
  tsv: "csv",
  ndjson: "ndjson",
  jsonl: "ndjson",
  edges: "edgelist",
  el: "edgelist",
};

export interface FormatQuestion {
  /** As given on the command line; `-` tells nothing. */
  readonly fileName: string;
  readonly kind: "nodes" | "edges";
  /** The first lines of the input. */
  readonly head: string;
  readonly format: FormatName | "auto";
  readonly delimiter: string | undefined;
}

/** The format of an input: what the options say, else its extension, else what its first line looks like. */
export function inputFormat(question: FormatQuestion): InputFormat {
  const { format, delimiter, head } = question;
  const extension = /\.([^./\\]+?)(?:\.gz)?$/i.exec(question.fileName)?.[1]?.toLowerCase() ?? "";
  const line = firstLine(head);
  const name = format !== "auto" ? format : (formatByExtension[extension] ?? guess(question, line));
  if (name === "ndjson") return { name, delimiter: undefined };
  if (name === "edgelist") return { name, delimiter };
  return { name, delimiter: delimiter ?? (extension === "tsv" ? "\t" : csvDelimiter(line)) };
}

/** The reader of a format. */
export function rowReader(format: InputFormat): RowReader {
  switch (format.name) {
    case "csv":
      return new CsvRows({ delimiter: format.delimiter ?? "," });
    case "ndjson":
      return new NdjsonRows();
    case "edgelist":
      return new EdgeListRows({ delimiter: format.delimiter });
  }
}

function guess({ kind, head }: FormatQuestion, line: string): FormatName {
  if (line.startsWith("{")) return "ndjson";
  if (kind === "nodes") return "csv";
  if (/^\s*[#%]/.test(head)) return "edgelist";
  if (/[,|;]/.test(line)) return "csv";
  const words = line.split("\t").map((word) => word.replace(/:.*/, "").toLowerCase());
  const hasHeader = defaultNames.ends.some((ends) => ends.every((end) => words.includes(end)));
  return hasHeader ? "csv" : "edgelist";
}

// A header without a comma that holds another usual delimiter is separated by that one.
function csvDelimiter(line: string): string {
  if (line.includes(",")) return ",";
  return ["\t", "|", ";"].find((delimiter) => line.includes(delimiter)) ?? ",";
}

function firstLine(head: string): string {
  const lines = head.split(/\r?\n/, 100).map((line) => line.trim());
  return lines.find((line) => line !== "" && !/^[#%]/.test(line)) ?? "";
}
