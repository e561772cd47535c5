// Makes a batch that several subscribers get safe from each of them.
import type { Change, ChangeBatch } from "./change.ts";

/** Freezes a batch with its changes and their props and labels; values of props that are objects stay as they are. */
export function freezeBatch(batch: ChangeBatch): void {
  const { changes } = batch;
  for (let i = 0; i < changes.length; i++) freezeChange(changes[i]!);
  Object.freeze(changes);
  Object.freeze(batch);
}

// By field: going over all values of each change costs as much as decoding it.
function freezeChange(change: Change): void {
  switch (change.kind) {
    case "node.put":
      Object.freeze(change.labels);
      Object.freeze(change.props);
      break;
    case "node.patch":
      Object.freeze(change.addLabels);
      Object.freeze(change.removeLabels);
      Object.freeze(change.props);
      break;
    case "node.remove":
      Object.freeze(change.labels);
      break;
    case "edge.add":
    case "edge.patch":
      Object.freeze(change.props);
      break;
    default:
      break;
  }
  if ("before" in change && change.before !== undefined) {
    if ("labels" in change.before) Object.freeze(change.before.labels);
    if ("props" in change.before) Object.freeze(change.before.props);
    Object.freeze(change.before);
  }
  Object.freeze(change);
}
