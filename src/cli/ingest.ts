// Owns the options of `varve ingest`, and which of them count for the files behind them.

import { type Command, InvalidArgumentError, Option } from "commander";
import { parseChoice } from "./columns.ts";
import { UsageError } from "./exit.ts";
import type { IngestOptions } from "./ingest-command.ts";
import type { InputRequest } from "./ingest-plan.ts";
import { type CommandContext, nameArgument, wholeNumber } from "./reading.ts";

/** Rows in a transaction where no option says it. */
const batchRowsDefault = 2000;
const batchRowsMax = 1_000_000;

const help = `
Options from --format to --type apply to the files that come after them, until given again; behind the last file, to
every file before that was not given them.

COL is the name of a column in the header, or its 1-based number; =NAME is a constant.
A header "name:type" gives the column the name and its values the type: string, int (integer, long, short, byte),
float (double, number), bool (boolean), date (datetime), bigint, json, or a list of these such as string[], its
elements separated by ";". Without a type a value stays text, but in an edge list what is written as a number becomes
one. An empty field means that the property is absent. Columns without a name are c3, c4 and so on. Columns that serve
as key, label, ends or type are no properties. Several labels in one field are separated by ";".

Taken where no option says otherwise:
  --key    ~id, id, key, _id, else the first column
  --label  ~label, label, :LABEL, labels, else no label
  --from, --to   ~from ~to, from to, source target, src dst, :START_ID :END_ID, else the first two columns
  --type   ~label, type, label, :TYPE, else the type EDGE

NDJSON has one object a line; its fields are the columns, and the tagged values of --json output are read back:
{"$bigint":"1"}, {"$bytes":"base64"}, {"$date":"2026-01-01T00:00:00.000Z"}, {"$number":"NaN"}.`;

export function addIngest(program: Command, context: CommandContext): void {
  const collector = new InputCollector();
  program
    .command("ingest")
    .description(
      "read nodes and edges from files into a database, which is made where there is none",
    )
    .argument("<db>", "directory of the database")
    .option("--nodes <file>", "a file of nodes; - is standard input, .gz is unpacked", (name) =>
      collector.add("nodes", name),
    )
    .option("--edges <file>", "a file of edges", (name) => collector.add("edges", name))
    .addOption(
      new Option("--format <format>", "auto, csv, ndjson or edgelist").argParser((text) =>
        collector.set("--format", {
          format: choice(text, ["auto", "csv", "ndjson", "edgelist"] as const),
        }),
      ),
    )
    .option("--delimiter <c>", "character between columns (\\t for a tab)", (text) =>
      collector.set("--delimiter", { delimiter: delimiter(text) }),
    )
    .option("--no-header", "the first row of a CSV file is no header")
    .option("--header", "the first row of a CSV file is the header")
    .option("--columns <a,b,c>", "names (and types) of the columns", (text) =>
      collector.set("--columns", { columns: text === "" ? [] : text.split(",") }),
    )
    .option("--key <col>", "column of a node's key", (text) => collector.choose("key", text))
    .option("--label <col|=name>", "column of a node's labels, or a label", (text) =>
      collector.choose("label", text),
    )
    .option("--from <col>", "column of an edge's source", (text) => collector.choose("from", text))
    .option("--to <col>", "column of an edge's target", (text) => collector.choose("to", text))
    .option("--type <col|=name>", "column of an edge's type, or a type", (text) =>
      collector.choose("type", text),
    )
    .option("--graph <name>", "the graph to read into, not the default one", (name) =>
      collector.set("--graph", { graph: nameArgument(name, "--graph") }),
    )
    .option("--batch <n>", `rows in a transaction (default: ${batchRowsDefault})`, (text) =>
      wholeNumber(text, "--batch", 1, batchRowsMax),
    )
    .option("--strict", "reject edges between missing nodes instead of making the nodes")
    .option(
      "--rejects <file>",
      "where malformed rows go (default: <db>.rejects.ndjson; .csv gives CSV)",
    )
    .addOption(
      new Option("--resume", "go on with an ingest that was interrupted").conflicts("restart"),
    )
    .option(
      "--restart",
      "begin an interrupted ingest anew; edges already stored will be there twice",
    )
    .option("--json", "print one JSON object at the end")
    .addHelpText("after", help)
    // A processor of an option is called only where there is a value; of a flag's place on the line only its event tells.
    .on("option:no-header", () => collector.set("--header", { hasHeader: false }))
    .on("option:header", () => collector.set("--header", { hasHeader: true }))
    .action(async (path: string, options: Partial<IngestOptions>) => {
      const requests = collector.finish();
      const { ingest } = await import("./ingest-command.ts");
      await ingest(context, path, requests, { batch: batchRowsDefault, ...options });
    });
}

type Settings = Omit<InputRequest, "kind" | "name">;

/** One option as it was given: what it changes in the settings of a file. */
interface GivenOption {
  readonly name: string;
  readonly applyTo: (settings: Settings) => Settings;
}

interface CollectedFile {
  readonly kind: InputRequest["kind"];
  readonly name: string;
  readonly options: readonly GivenOption[];
}

const settingsDefault: Settings = {
  format: "auto",
  delimiter: undefined,
  hasHeader: true,
  columns: [],
  graph: undefined,
  choices: { key: undefined, label: undefined, from: undefined, to: undefined, type: undefined },
};

/** Collects files and the options that count for each, in the order of the command line. */
class InputCollector {
  readonly #files: CollectedFile[] = [];
  /** By name, the options given so far. */
  readonly #inForce: Map<string, GivenOption> = new Map();
  /** Those given since the last file. */
  #trailing: GivenOption[] = [];

  add(kind: "nodes" | "edges", name: string): void {
    this.#files.push({ kind, name, options: [...this.#inForce.values()] });
    this.#trailing = [];
  }

  set(name: string, change: Partial<Settings>): void {
    this.#give({ name, applyTo: (settings) => ({ ...settings, ...change }) });
  }

  choose(role: keyof Settings["choices"], text: string): void {
    const choice = parseChoice(text);
    if (choice?.kind === "constant") nameArgument(choice.value, `--${role}`);
    this.#give({
      name: `--${role}`,
      applyTo: (settings) => ({ ...settings, choices: { ...settings.choices, [role]: choice } }),
    });
  }

  /** Options behind the last file count for every file that was not given them before. */
  finish(): readonly InputRequest[] {
    if (this.#files.length === 0)
      throw new UsageError("nothing to ingest: give --nodes or --edges");
    return this.#files.map(({ kind, name, options }) => {
      const own = new Set(options.map((option) => option.name));
      const late = this.#trailing.filter((option) => !own.has(option.name));
      const settings = [...options, ...late].reduce(
        (before, option) => option.applyTo(before),
        settingsDefault,
      );
      return { ...settings, kind, name };
    });
  }

  #give(option: GivenOption): void {
    this.#inForce.set(option.name, option);
    this.#trailing.push(option);
  }
}

function choice<Name extends string>(text: string, names: readonly Name[]): Name {
  const name = names.find((candidate) => candidate === text);
  if (name === undefined) throw new InvalidArgumentError(`It is one of ${names.join(", ")}.`);
  return name;
}

function delimiter(text: string): string {
  const character = text === "\\t" || text === "tab" ? "\t" : text;
  if ([...character].length === 1 && character.length === 1 && !/["\r\n]/.test(character))
    return character;
  throw new InvalidArgumentError("It is one character, and neither a quote nor a line end.");
}
