// One text for equal states: keys sorted, maps and sets by content, so that a model and a store may build theirs differently.

/**
 * The same text for values that are equal by content. Objects and maps are ordered by key and sets by member; lists keep
 * their order. Functions and symbols have no content and throw a `TypeError`.
 */
export function stateText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${value}n`;
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      return value === null ? "null" : objectText(value);
    default:
      throw new TypeError(`stateText: a ${typeof value} has no content to compare`);
  }
}

function objectText(value: object): string {
  if (Array.isArray(value)) return `[${value.map(stateText).join()}]`;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `bytes(${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")})`;
  }
  if (value instanceof Map) return `map{${sortedPairs([...value])}}`;
  if (value instanceof Set) return `set{${[...value].map(stateText).sort().join()}}`;
  if (value instanceof Date) return `date(${value.getTime()})`;
  return `{${sortedPairs(Object.entries(value).filter(([, member]) => member !== undefined))}}`;
}

function sortedPairs(pairs: readonly (readonly [unknown, unknown])[]): string {
  return pairs
    .map(([key, member]) => `${stateText(key)}:${stateText(member)}`)
    .sort()
    .join();
}
