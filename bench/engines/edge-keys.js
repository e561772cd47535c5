// Edge keys for the ordered key-value peers: near end, type, far end and a number, so that a prefix scan is a look-up
// of neighbours and parallel edges stay apart. Node keys of the workload all have one length.

const nodeKeyLength = 11;
const farStart = nodeKeyLength + 3;
const typeCode = "K";

export function edgeKey(near, far, number) {
  return `${near} ${typeCode} ${far} ${number.toString(36).padStart(5, "0")}`;
}

/** The range of all edges of a node: from `gte`, below `lt`. */
export function edgeRange(near) {
  return { gte: `${near} ${typeCode} `, lt: `${near} ${typeCode}!` };
}

export function nearEnd(key, prefixLength = 0) {
  return key.substring(prefixLength, prefixLength + nodeKeyLength);
}

export function farEnd(key, prefixLength = 0) {
  return key.substring(prefixLength + farStart, prefixLength + farStart + nodeKeyLength);
}

/** The far ends of sorted edge keys, each once. */
export function distinctFarEnds(keys, prefixLength = 0) {
  const ends = [];
  let last = "";
  for (const key of keys) {
    const end = farEnd(key, prefixLength);
    if (end !== last) ends.push(end);
    last = end;
  }
  return ends;
}
