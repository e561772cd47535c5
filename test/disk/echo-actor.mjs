// An actor for the tests of workers: doubles bytes, throws, or dies, as it is told.
export async function handle(message) {
  if (message.kind === "throw") throw new Error("as told");
  if (message.kind === "die") process.exit(3);
  if (message.kind === "wait") await new Promise(() => {});
  const bytes = new Uint8Array(message.bytes.length * 2);
  bytes.set(message.bytes);
  bytes.set(message.bytes, message.bytes.length);
  return { result: bytes, transfer: [bytes.buffer] };
}
