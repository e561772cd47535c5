// An actor for the tests of workers: doubles bytes, throws, or dies, as it is told.
import { readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { isMainThread } from "node:worker_threads";

function failure(code, details) {
  return Object.assign(new Error("as told"), {
    name: "VarveError",
    code,
    retryable: true,
    details,
  });
}

export async function handle(message, disk) {
  if (message.kind === "throw") throw new Error("as told");
  if (message.kind === "damage") throw failure("CORRUPT", { file: "/x", offset: 7 });
  if (message.kind === "uncopied") throw failure("IO", { call: () => {} });
  if (message.kind === "mistake") throw new RangeError("as told");
  if (message.kind === "die") process.exit(3);
  if (message.kind === "wait")
    await new Promise((resolve) => message.ms && setTimeout(resolve, message.ms));
  if (message.kind === "mark") new Uint8Array(message.marks)[0] = 1;
  if (message.kind === "where") return { result: { isMainThread, disk: disk.constructor.name } };
  if (message.kind === "priority") {
    if (process.platform !== "linux") return { result: getPriority() };
    const thread = Number(readlinkSync("/proc/thread-self").split("/").pop());
    return { result: getPriority(thread) };
  }
  const bytes = new Uint8Array(message.bytes.length * 2);
  bytes.set(message.bytes);
  bytes.set(message.bytes, message.bytes.length);
  return { result: bytes, transfer: [bytes.buffer] };
}
