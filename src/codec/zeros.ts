// Finds the end of what was written where zeros follow it, megabytes of them, as space is set aside in files.

const zeros = new Uint8Array(64 * 1024);

/**
 * The length of `bytes` without the zeros at its end. Compares whole blocks at once in the runtime: a loop over bytes takes
 * tens of milliseconds for its first few megabytes, before it is compiled.
 */
export function lengthWithoutZeros(bytes: Uint8Array): number {
  let length = bytes.length;
  while (length > 0) {
    const from = Math.max(0, length - zeros.length);
    if (Buffer.compare(bytes.subarray(from, length), zeros.subarray(0, length - from)) !== 0) break;
    length = from;
  }
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}
