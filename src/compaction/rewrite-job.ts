// Reads the segments of an order and makes the frames of what stays of them, a piece at a time: all that rewriting does but the writing.
import type { Disk, DiskFile } from "../disk/ports.ts";
import type { DiskTree } from "../index/disk-tree.ts";
import { EdgeVersions } from "../index/edge-versions.ts";
import { KeyLayers } from "../index/key-layers.ts";
import { NodeVersions } from "../index/node-versions.ts";
import { PageCache } from "../index/page-cache.ts";
import { treeAddress } from "../index/run.ts";
import { openTreeFile } from "../index/tree-file.ts";
import type { TreeName } from "../index/tree-kind.ts";
import type { FrameFields } from "../log/frame-codec.ts";
import { frameBytesFor } from "../log/frame-format.ts";
import { Coverage } from "./coverage.ts";
import { FrameBuilder } from "./frame-builder.ts";
import { RecordRewriter } from "./record-rewriter.ts";
import type { PassResult, RewriteOrder, RewriteStep, RewrittenFrame } from "./rewrite-messages.ts";
import type { DroppedFamilies } from "./rewriter-index.ts";
import { SealedEvents } from "./sealed-events.ts";
import { passSegment } from "./segment-pass.ts";
import { StateLookup } from "./state-lookup.ts";

const pageCacheBytes: number = 8 * 2 ** 20;
/** Nothing is ever put into the layers in memory. */
const noLayer = { leafCapacity: 16, innerCapacity: 16, stagingCapacity: 1, chunkBytes: 4096 };

export class RewriteJob {
  readonly #disk: Disk;
  readonly #order: RewriteOrder;
  readonly #events: SealedEvents;
  readonly #trees: DiskTree[] = [];
  #frames: RewrittenFrame[] = [];
  #readBytes = 0;
  #done: PassResult | undefined;
  #running: Promise<void> | undefined;
  /** Has the pass go on; and tells that it has come to where it waits. */
  #goOn: () => void = () => {};
  #waits: () => void = () => {};
  #isClosed = false;

  constructor(disk: Disk, order: RewriteOrder) {
    const { directory, databaseId, segments } = order;
    this.#disk = disk;
    this.#order = order;
    this.#events = new SealedEvents(disk, directory, databaseId, segments);
  }

  async open(): Promise<void> {
    const cache = new PageCache(pageCacheBytes);
    const nodes = new NodeVersions({ tree: noLayer, chunkBytes: noLayer.chunkBytes });
    const edges = new EdgeVersions(noLayer);
    const keys = new KeyLayers(noLayer);
    nodes.setDisks(await this.#open("nodes", cache));
    edges.layers.setDisks(await this.#open("edges", cache));
    keys.setDisks(await this.#open("keys", cache));
    const { segments, chosen, horizon, states, dropped } = this.#order;
    const builder = new FrameBuilder((bytes, fields) => this.#take(bytes, fields));
    const rewriter = new RecordRewriter(
      {
        index: { nodes, edges, keys, families: familiesOf(dropped) },
        events: this.#events,
        states: new StateLookup((name) => states.get(name)),
        coverage: new Coverage(segments, new Set(chosen), horizon, 0),
        horizon,
        erased: undefined,
      },
      builder,
    );
    const begins = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    this.#running = begins.then(() => this.#pass(rewriter, builder));
    this.#running.catch(() => {});
  }

  /** Goes on until the next piece of a segment was read; the last step has what the pass comes to. */
  async step(): Promise<RewriteStep> {
    const waits = new Promise<void>((resolve) => {
      this.#waits = resolve;
    });
    this.#goOn();
    await Promise.race([waits, this.#running]);
    const frames = this.#frames;
    const readBytes = this.#readBytes;
    this.#frames = [];
    this.#readBytes = 0;
    return { frames, readBytes, done: this.#done };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#goOn();
    await this.#running?.catch(() => {});
    const files = this.#trees.splice(0).map((tree) => tree.file.close());
    await Promise.allSettled([this.#events.close(), ...files]);
  }

  async #pass(rewriter: RecordRewriter, builder: FrameBuilder): Promise<void> {
    const { directory, views } = this.#order;
    const host = {
      // A step is as long as it takes: nobody else is in this thread.
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      check: () => {
        if (this.#isClosed) throw new Error("closed");
      },
      pace: (bytes: number) => {
        this.#readBytes += bytes;
        const goesOn = new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
        this.#waits();
        return goesOn;
      },
      rest: () => Promise.resolve(),
    };
    host.check();
    for (const view of views) {
      const file: DiskFile = await this.#disk.open(this.#disk.join(directory, view.name), "read");
      try {
        await passSegment(file, view, rewriter, builder, host);
      } finally {
        await file.close();
      }
    }
    builder.end(rewriter.nextNodeId);
    const { dropped, changed } = rewriter;
    this.#done = { dropped, changed, keptEvents: builder.keptEvents };
  }

  #take(bytes: Uint8Array, fields: FrameFields): void {
    const copy = new Uint8Array(frameBytesFor(fields.payloadBytes));
    copy.set(bytes.subarray(0, copy.length));
    this.#frames.push({ bytes: copy, fields });
  }

  async #open(name: TreeName, cache: PageCache): Promise<DiskTree[]> {
    const { directory, databaseId, runs } = this.#order;
    const opened: DiskTree[] = [];
    for (const run of runs) {
      const record = run.trees.find((tree) => tree.name === name);
      if (record === undefined) continue;
      const address = treeAddress(this.#disk, directory, run, record, databaseId);
      const tree = await openTreeFile(this.#disk, address, cache);
      this.#trees.push(tree);
      opened.push(tree);
    }
    return opened;
  }
}

function familiesOf(dropped: ReadonlyMap<number, number>): DroppedFamilies {
  return {
    isEmpty: dropped.size === 0,
    get: (number) => {
      const droppedLsn = dropped.get(number);
      return droppedLsn === undefined ? undefined : { droppedLsn };
    },
  };
}
