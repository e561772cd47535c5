// Node's diagnostics channels, as the engine publishes to them.

import { type Channel, channel } from "node:diagnostics_channel";
import type { Diagnostics, DiagnosticsTopic } from "./diagnostics.ts";

class NodeDiagnostics implements Diagnostics {
  readonly #channels: Readonly<Record<DiagnosticsTopic, Channel>> = {
    commit: channel("varve:commit"),
    sync: channel("varve:sync"),
    checkpoint: channel("varve:checkpoint"),
    merge: channel("varve:merge"),
    recover: channel("varve:recover"),
  };

  isHeard(topic: DiagnosticsTopic): boolean {
    return this.#channels[topic].hasSubscribers;
  }

  publish(topic: DiagnosticsTopic, message: object): void {
    this.#channels[topic].publish(message);
  }
}

export const nodeDiagnostics: Diagnostics = new NodeDiagnostics();
