// The order of texts in memory: that of their bytes, which is that of their code points.

/** Negative, 0 or positive, as the WTF-8 bytes of the texts compare. */
export function compareText(a: string, b: string): number {
  const count = Math.min(a.length, b.length);
  for (let i = 0; i < count; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    // A low half that differs may be part of a pair: then the pairs compare.
    const at = i > 0 && isHigh(a.charCodeAt(i - 1)) ? i - 1 : i;
    const difference = a.codePointAt(at)! - b.codePointAt(at)!;
    return difference !== 0 ? difference : a.codePointAt(i)! - b.codePointAt(i)!;
  }
  return a.length - b.length;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
