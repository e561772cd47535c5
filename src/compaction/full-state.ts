// Makes the whole of a node or an edge, as an event left it, out of that event and those that it builds on, without decoding values.
import { ByteReader, ByteWriter } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { mergeProps } from "../index/merge-props.ts";
import { RECORD } from "../log/event-format.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import type { EventReader } from "../log/event-reader.ts";
import { skipProps } from "../log/props-codec.ts";

const noProps: Uint8Array = Uint8Array.of(0);

export class FullState {
  readonly #events: Pick<EventLookup, "find">;
  readonly #base: ByteReader = new ByteReader();
  readonly #patch: ByteReader = new ByteReader();

  constructor(events: Pick<EventLookup, "find">) {
    this.#events = events;
  }

  /** The encoded props of a node or an edge as the event that a reader stands on left them. */
  props(reader: EventReader): Uint8Array {
    const patches: Uint8Array[] = [];
    let event = reader;
    let at = reader.lsn;
    for (;;) {
      const whole = wholeProps(event, at);
      if (whole !== undefined) return this.#layOver(whole, patches);
      event.body.position = event.propsFrom;
      skipProps(event.body);
      patches.push(event.bytes.slice(event.propsFrom, event.body.position));
      at = event.previousLsn;
      const earlier = this.#events.find(at);
      if (earlier === undefined) throw missing(at);
      event = earlier;
    }
  }

  #layOver(whole: Uint8Array, patches: readonly Uint8Array[]): Uint8Array {
    let props = whole;
    for (let i = patches.length - 1; i >= 0; i--) {
      const writer = new ByteWriter(props.length + patches[i]!.length);
      const base = this.#base.open(props, 0, props.length);
      mergeProps(base, this.#patch.open(patches[i]!, 0, patches[i]!.length), writer);
      props = writer.view(0, writer.position).slice();
    }
    return props;
  }
}

/** The props of an event that says all of them; undefined for a patch without an image. */
function wholeProps(event: EventReader, lsn: number): Uint8Array | undefined {
  const { body, bytes, recordTo } = event;
  switch (event.tag) {
    case RECORD.edgeRun:
      return noProps;
    case RECORD.edgeAdd:
      return bytes.slice(event.propsFrom, recordTo);
    case RECORD.nodePut:
      return bytes.slice(endOfNames(body, event.labelsFrom), recordTo);
    case RECORD.nodePatch:
    case RECORD.edgePatch: {
      if (!event.hasImage) return undefined;
      body.position = event.propsFrom;
      skipProps(body);
      const from = event.tag === RECORD.edgePatch ? body.position : endOfNames(body, body.position);
      return bytes.slice(from, recordTo);
    }
    default:
      throw missing(lsn);
  }
}

/** Where the list of name numbers at `from` ends. */
function endOfNames(body: ByteReader, from: number): number {
  body.position = from;
  while (body.varint() !== 0);
  return body.position;
}

function missing(lsn: number): VarveError {
  return new VarveError("CORRUPT", `the log has no such record at LSN ${lsn}`, {
    details: { lsn },
  });
}
