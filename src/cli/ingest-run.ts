// Owns the ingest itself: rows of all inputs in order, in batches of one transaction each, with the progress recorded in
// the very transaction that stores the rows.

import { VarveError } from "../codec/errors.ts";
import { readState, writeState } from "../database/system-state.ts";
import type { Database, GraphTransaction, Transaction } from "../varve.ts";
import { UsageError } from "./exit.ts";
import { Batch, type PlacedItem } from "./ingest-batch.ts";
import type { PlannedInput } from "./ingest-plan.ts";
import {
  decideStart,
  type IngestCounters,
  type IngestRun,
  type IngestState,
  ingestStateIn,
  ingestStateName,
  noCounters,
  type Start,
  type StartMode,
  withRun,
} from "./ingest-state.ts";
import { fingerprint, textHash } from "./node-input.ts";
import type { Progress } from "./node-progress.ts";
import { type Reject, RejectsFile } from "./node-rejects.ts";
import type { Interruption } from "./node-terminal.ts";
import { onceRebuilt } from "./reading.ts";
import type { Item } from "./row-mapping.ts";
import type { Row } from "./rows.ts";
import { TextBlocks } from "./text-blocks.ts";

// A batch ends at its number of rows or here, so that long rows cannot exceed what a transaction may hold.
const batchCharsMax = 2 * 1024 * 1024;
// While one batch waits for its write, the next ones are read and stored.
const batchesInFlightMax = 4;

export interface IngestRequest {
  readonly inputs: readonly PlannedInput[];
  readonly batchRows: number;
  readonly isStrict: boolean;
  readonly mode: StartMode;
  /** `undefined`: beside the database. */
  readonly rejectsPath: string | undefined;
  readonly defaultRejectsPath: string;
}

export interface IngestOutcome {
  readonly counters: IngestCounters;
  readonly rejectsPath: string;
  readonly isResumed: boolean;
  readonly isComplete: boolean;
  readonly wasDoneBefore: boolean;
  /** Rows handled in this run of the command. */
  readonly rows: number;
}

/** Prints of all inputs; `undefined` where one cannot be read a second time, so that resuming is out of the question. */
export async function printInputs(
  inputs: readonly PlannedInput[],
  isStrict: boolean,
): Promise<Pick<IngestRun, "inputs" | "options"> | undefined> {
  if (!inputs.every(({ file }) => file.isRepeatable)) return undefined;
  const prints = [];
  for (const { file, request } of inputs) {
    prints.push({ kind: request.kind, path: file.absolutePath, hash: await fingerprint(file) });
  }
  const meanings = inputs.map(({ request }) => ({ ...request, name: "" }));
  return { inputs: prints, options: textHash(JSON.stringify({ meanings, isStrict })) };
}

/** Ingests into an open database. Throws where an input or the database fails; what was stored until then stays. */
export class Ingest {
  readonly #db: Database;
  readonly #request: IngestRequest;
  readonly #progress: Progress;
  readonly #interruption: Interruption;
  readonly #run: IngestRun | undefined;
  readonly #start: Start;
  readonly #state: IngestState | undefined;
  readonly #rejects: RejectsFile;
  readonly #totalBytes: number;
  readonly #inFlight: Promise<unknown>[] = [];
  /** Batches handed over, and how many of their callbacks got through: in the order of the rows, whatever has to wait. */
  #handedOver = 0;
  #turn = 0;
  #counters: IngestCounters;
  #readBytes = 0;
  // For the progress bar, with the rows of earlier runs.
  #rowsSeen: number;
  #rowsDone = 0;

  constructor(
    db: Database,
    request: IngestRequest,
    print: Pick<IngestRun, "inputs" | "options"> | undefined,
    { progress, interruption }: { progress: Progress; interruption: Interruption },
  ) {
    this.#db = db;
    this.#request = request;
    this.#progress = progress;
    this.#interruption = interruption;
    this.#state = ingestStateIn(readState(db, ingestStateName));
    this.#start = print ? decideStart(this.#state, print, request.mode) : { kind: "begin" };
    const former = this.#start.kind === "begin" ? undefined : this.#start.run;
    const rejectsPath = chooseRejectsPath(request, former);
    this.#counters = former?.counters ?? noCounters;
    const { nodes, implicitNodes, edges, rejected } = this.#counters;
    this.#rowsSeen = nodes - implicitNodes + edges + rejected;
    this.#run = print && {
      ...print,
      isFinished: false,
      input: former?.input ?? 0,
      rows: former?.rows ?? 0,
      counters: this.#counters,
      rejectsPath: rejectsPath === request.defaultRejectsPath ? null : rejectsPath,
      rejectsBytes: former?.rejectsBytes ?? 0,
    };
    this.#rejects =
      this.#start.kind === "already done"
        ? new RejectsFile(rejectsPath, Number.MAX_SAFE_INTEGER)
        : new RejectsFile(rejectsPath, former?.rejectsBytes ?? 0);
    this.#totalBytes = request.inputs.reduce((sum, { file }) => sum + file.bytes, 0);
  }

  /** Reads and stores all that is left; stops in order, incomplete, when interrupted. */
  async run(): Promise<IngestOutcome> {
    if (this.#start.kind === "already done") return this.#outcome({ isComplete: true });
    try {
      if (this.#start.kind === "begin") await this.#record({ input: 0, rows: 0 });
      const firstInput = this.#run?.input ?? 0;
      for (let at = firstInput; at < this.#request.inputs.length; at++) {
        const skipRows = at === firstInput ? (this.#run?.rows ?? 0) : 0;
        await this.#ingestInput(at, skipRows);
        if (this.#interruption.signal) return this.#outcome({ isComplete: false });
      }
      this.#rejects.close();
      await this.#record({ isFinished: true, input: this.#request.inputs.length, rows: 0 });
      return this.#outcome({ isComplete: true });
    } finally {
      this.#rejects.close();
    }
  }

  async #ingestInput(at: number, skipRows: number): Promise<void> {
    const input = this.#request.inputs[at] as PlannedInput;
    const reader = input.createReader();
    const text = new TextBlocks();
    const batch = new Batch(input, skipRows);
    // A file before this one in the list was read to its end by an earlier run.
    this.#readBytes = sumOfBytes(this.#request.inputs.slice(0, at));
    const take = async (rows: readonly Row[]): Promise<void> => {
      for (const row of rows) {
        batch.add(row);
        if (batch.rows >= this.#request.batchRows || batch.chars >= batchCharsMax) {
          await this.#submit(at, batch);
          if (this.#interruption.signal) return;
        }
      }
    };
    const bytes = input.read((count) => {
      this.#readBytes += count;
    });
    let failure: unknown;
    try {
      while (this.#interruption.signal === undefined) {
        const piece = await nextPiece(bytes);
        failure = piece.failure;
        // Behind a damaged place nothing is a row; what came before it is kept.
        if (failure !== undefined) break;
        const block = piece.bytes ? text.push(piece.bytes) : text.end();
        const rows: Row[] = [];
        if (block) reader.push(block, rows);
        if (piece.bytes === undefined) reader.end(rows);
        await take(rows);
        if (piece.bytes === undefined) break;
      }
      await this.#submit(at, batch);
      await this.#settle(0);
    } finally {
      await bytes.return();
    }
    if (failure !== undefined) throw failure;
  }

  async #submit(at: number, batch: Batch): Promise<void> {
    const { rows, items, rejects, done } = batch.take();
    if (rows > 0) {
      const stored = this.#store((tx) => {
        const all = [...rejects];
        const { graph } = batch.input.request;
        this.#apply(graph === undefined ? tx : tx.graph(graph), items, all);
        this.#rejects.write(all);
        this.#writeState(tx, { input: at, rows: done });
      });
      // It is awaited later; until then a failure must not count as unhandled.
      stored.catch(() => {});
      this.#inFlight.push(stored);
      this.#rowsSeen += rows;
      await this.#settle(batchesInFlightMax);
      this.#rowsDone += rows;
    }
    this.#progress.update({
      file: batch.input.request.name,
      doneBytes: this.#readBytes,
      totalBytes: this.#totalBytes,
      rows: this.#rowsSeen,
    });
  }

  /** Runs as a transaction behind those before it. One that meets a damaged index waits until that is made anew, and so do those behind it. */
  async #store(write: (tx: Transaction) => void): Promise<void> {
    const turn = this.#handedOver++;
    await onceRebuilt(async () => {
      await this.#db.transact(
        (tx: Transaction) => {
          if (this.#turn !== turn) throw new VarveError("INDEX_REBUILDING", "another batch waits");
          write(tx);
          this.#turn++;
        },
        { durability: "os" },
      );
    });
  }

  async #settle(inFlightMax: number): Promise<void> {
    while (this.#inFlight.length > inFlightMax) await this.#inFlight.shift();
  }

  #apply(tx: GraphTransaction, items: readonly PlacedItem[], rejects: Reject[]): void {
    const nodesBefore = tx.nodeCount;
    let nodes = 0;
    let edges = 0;
    for (const { item, row, file } of items) {
      try {
        if (item.kind === "node") {
          tx.putNode(item.key, { labels: item.labels, props: item.props });
          nodes++;
        } else {
          tx.addEdge(item.from, item.type, item.to, item.props);
          edges++;
        }
      } catch (error) {
        rejects.push({ file, line: row.line, reason: refusal(tx, item, error), raw: row.raw });
      }
    }
    // A batch is of one input: it has nodes, or edges that may make nodes.
    const implicitNodes = edges > 0 ? tx.nodeCount - nodesBefore : 0;
    rejects.sort((a, b) => a.line - b.line);
    this.#counters = {
      nodes: this.#counters.nodes + nodes + implicitNodes,
      edges: this.#counters.edges + edges,
      implicitNodes: this.#counters.implicitNodes + implicitNodes,
      rejected: this.#counters.rejected + rejects.length,
    };
  }

  async #record(
    change: Pick<IngestRun, "input" | "rows"> & { isFinished?: boolean },
  ): Promise<void> {
    if (this.#run === undefined) return;
    await this.#store((tx) => this.#writeState(tx, change));
  }

  #writeState(
    tx: Transaction,
    change: Pick<IngestRun, "input" | "rows"> & { isFinished?: boolean },
  ): void {
    if (this.#run === undefined) return;
    const run: IngestRun = {
      ...this.#run,
      ...change,
      counters: this.#counters,
      rejectsBytes: this.#rejects.bytes,
    };
    writeState(tx, ingestStateName, withRun(this.#state, run));
  }

  #outcome({ isComplete }: { isComplete: boolean }): IngestOutcome {
    return {
      counters: this.#counters,
      rejectsPath: this.#rejects.path,
      isResumed: this.#start.kind !== "begin",
      isComplete,
      wasDoneBefore: this.#start.kind === "already done",
      rows: this.#rowsDone,
    };
  }
}

async function nextPiece(
  bytes: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ bytes?: Uint8Array; failure?: unknown }> {
  try {
    const next = await bytes.next();
    return next.done ? {} : { bytes: next.value };
  } catch (failure) {
    return { failure };
  }
}

function sumOfBytes(inputs: readonly PlannedInput[]): number {
  return inputs.reduce((sum, { file }) => sum + file.bytes, 0);
}

/** Why the engine refused a row; an error that is not about the row goes on. */
function refusal(tx: GraphTransaction, item: Item, error: unknown): string {
  if (error instanceof TypeError || error instanceof RangeError) return error.message;
  if (error instanceof VarveError && error.code === "LIMIT_EXCEEDED") return error.message;
  if (error instanceof VarveError && error.code === "NODE_NOT_FOUND") {
    const missing = tx.hasNode(item.from) ? item.to : item.from;
    return `there is no node ${JSON.stringify(missing)}`;
  }
  throw error;
}

function chooseRejectsPath(request: IngestRequest, former: IngestRun | undefined): string {
  const recorded = former && (former.rejectsPath ?? request.defaultRejectsPath);
  if (recorded === undefined) return request.rejectsPath ?? request.defaultRejectsPath;
  if (request.rejectsPath !== undefined && request.rejectsPath !== recorded) {
    throw new UsageError(
      `the ingest to resume has its rejects in ${recorded}; leave --rejects away`,
    );
  }
  return recorded;
}
