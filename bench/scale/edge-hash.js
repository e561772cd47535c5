// One edge's part in an order-independent hash over all of them: add these up.

/** Ends are numbers of nodes; the time counts to the millisecond, the weight to its 32 bits. */
export function edgeHash(from, to, time, weight) {
  const timeHigh = Math.floor(time / 2 ** 32);
  let h = Math.imul(from ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 13)) + to, 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 16)) + timeHigh, 0x27d4eb2f);
  h = Math.imul((h ^ (h >>> 15)) + (time - timeHigh * 2 ** 32), 0x9e3779b1);
  h = Math.imul((h ^ (h >>> 16)) + weight * 2 ** 32, 0x165667b1);
  return (h ^ (h >>> 14)) >>> 0;
}
