// Owns `varve export`: the graph as it is now, in a format that others read, a line at a time.

import { type Command, Option } from "commander";
import { VarveError } from "../codec/errors.ts";
import type { Database, GraphReader, Snapshot } from "../varve.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { csvExport } from "./export-csv.ts";
import { ExportFields } from "./export-fields.ts";
import type { ExportFormat } from "./export-format.ts";
import { ndjsonExport } from "./export-ndjson.ts";
import { gexfExport, graphmlExport } from "./export-xml.ts";
import { toJson } from "./json-values.ts";
import { fileSink, type LineSink, withCopy } from "./node-export.ts";
import {
  type CommandContext,
  graphOf,
  graphOption,
  nameArgument,
  openDatabase,
  printable,
  withDatabase,
} from "./reading.ts";

const formats: Readonly<Record<string, ExportFormat>> = {
  ndjson: ndjsonExport,
  csv: csvExport,
  graphml: graphmlExport,
  gexf: gexfExport,
};

/** Formats that have the nodes in one file and the edges in another. */
const apart: ReadonlySet<string> = new Set(["ndjson", "csv"]);

interface ExportOptions {
  readonly format: string;
  readonly out?: string;
  readonly only?: "nodes" | "edges";
  readonly graph?: string;
  readonly map?: string;
}

export function addExport(program: Command, context: CommandContext): void {
  program
    .command("export")
    .description("write all nodes and edges; of a damaged database, what can be read (exit code 3)")
    .argument("<db>", "directory of the database")
    .addOption(
      new Option("--format <format>", "of these, ingest reads ndjson and csv back")
        .choices(Object.keys(formats))
        .makeOptionMandatory(),
    )
    .option(
      "--out <directory>",
      "write files there (nodes.csv and edges.csv, say), not standard output",
    )
    .addOption(new Option("--only <what>", "nodes or edges alone").choices(["nodes", "edges"]))
    .addOption(graphOption())
    .option("--map <name>", "the entries of a map, not a graph (ndjson)", (name) =>
      nameArgument(name, "--map"),
    )
    .action((path: string, options: ExportOptions) => run(context, path, options));
}

async function run(context: CommandContext, path: string, options: ExportOptions): Promise<void> {
  if (options.only !== undefined && !apart.has(options.format)) {
    throw new UsageError(`--only has no meaning for ${options.format}`);
  }
  if (options.map !== undefined) checkMapOptions(options);
  context.exitCode = exitCodes.done;
  try {
    await withDatabase(path, (db) => write(context, db, options));
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "CORRUPT") throw error;
    await writeReadable(context, path, options, error);
  }
}

/** A repair of a copy, so that the database itself stays as it is, says what is left of it. */
async function writeReadable(
  context: CommandContext,
  path: string,
  options: ExportOptions,
  cause: VarveError,
): Promise<void> {
  const { output } = context;
  await withCopy(path, async (copy) => {
    const db = await openDatabase(copy, { create: false, recovery: "salvage" });
    try {
      output.warn(`varve: ${cause.code}: ${printable(cause.message)}`);
      for (const warning of db.recovery.warnings)
        output.warn(`varve: left out: ${printable(warning)}`);
      await write(context, db, options);
    } finally {
      await db.close();
    }
  });
  context.exitCode = exitCodes.database;
}

async function write(context: CommandContext, db: Database, options: ExportOptions): Promise<void> {
  const view = db.snapshot();
  try {
    const sinks = sinksFor(context, options);
    try {
      if (options.map !== undefined) {
        await writeMap(view, options.map, sinks.nodes);
        return;
      }
      tellLeft(context, db, options);
      const graph = graphOf(view, options.graph);
      const left = await writeAll(graph, formats[options.format]!, options.only, sinks);
      if (left === 0) return;
      context.exitCode = exitCodes.database;
      context.output.warn(
        `varve: left out: ${left} nodes or edges with names that ${options.format} cannot say; ndjson says most`,
      );
    } finally {
      for (const sink of new Set([sinks.nodes, sinks.edges])) sink.close();
    }
  } finally {
    view.close();
  }
}

interface Sinks {
  readonly nodes: LineSink;
  readonly edges: LineSink;
}

function sinksFor({ output }: CommandContext, { format, out, only, map }: ExportOptions): Sinks {
  if (out === undefined) {
    const sink: LineSink = { line: (text) => output.print(text), close: () => {} };
    return { nodes: sink, edges: sink };
  }
  if (!apart.has(format)) {
    const sink = fileSink(out, `graph.${format}`);
    return { nodes: sink, edges: sink };
  }
  const none: LineSink = { line: () => Promise.resolve(), close: () => {} };
  if (map !== undefined) return { nodes: fileSink(out, `map.${format}`), edges: none };
  return {
    nodes: only === "edges" ? none : fileSink(out, `nodes.${format}`),
    edges: only === "nodes" ? none : fileSink(out, `edges.${format}`),
  };
}

/** Returns how many nodes and edges the format could not say. */
async function writeAll(
  view: GraphReader,
  format: ExportFormat,
  only: "nodes" | "edges" | undefined,
  sinks: Sinks,
): Promise<number> {
  const nodes = new ExportFields();
  const edges = new ExportFields();
  // All is read once before the first line is written: damage that is met shows before it is too late to begin anew.
  if (only !== "edges") for (const { props } of view.nodes()) nodes.note(props);
  if (only !== "nodes") for (const { props } of view.allEdges()) edges.note(props);
  let left = 0;
  if (only !== "edges") {
    await lines(sinks.nodes, format.head(nodes, edges));
    for (const node of view.nodes()) {
      const line = format.node(node, nodes);
      if (line === undefined) left++;
      else await sinks.nodes.line(line);
    }
  }
  if (only !== "nodes") {
    await lines(sinks.edges, format.middle(edges));
    for (const edge of view.allEdges()) {
      const [fromId = 0, toId = 0] = [view.nodeId(edge.from), view.nodeId(edge.to)];
      const line = format.edge({ ...edge, fromId, toId }, edges);
      if (line === undefined) left++;
      else await sinks.edges.line(line);
    }
    await lines(sinks.edges, format.tail());
  }
  return left;
}

function checkMapOptions({ format, only, graph }: ExportOptions): void {
  if (format !== "ndjson") throw new UsageError("--map is there for ndjson alone");
  if (only !== undefined || graph !== undefined) {
    throw new UsageError("--map goes with neither --graph nor --only");
  }
}

/** A line for each entry; all is read once before the first. */
async function writeMap(view: Snapshot, name: string, sink: LineSink): Promise<void> {
  for (const _ of view.map(name).range());
  for (const [key, value] of view.map(name).range()) {
    await sink.line(JSON.stringify({ "~key": key, "~value": toJson(value) }));
  }
}

/** One graph or one map is written: says what else there is. */
function tellLeft({ output }: CommandContext, db: Database, { graph }: ExportOptions): void {
  const { graphs, maps } = db.stats();
  const others = [
    ...graphs.filter(({ name }) => name !== graph).map(({ name }) => `--graph ${name}`),
    ...maps.map(({ name }) => `--map ${name}`),
  ];
  if (others.length === 0) return;
  output.warn(`varve: not in this export: ${others.map(printable).join(", ")}`);
}

async function lines(sink: LineSink, texts: readonly string[]): Promise<void> {
  for (const text of texts) await sink.line(text);
}
