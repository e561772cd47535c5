// JSON that stays on its line.

/** JSON without the two separators of lines that it leaves as they are: a plan with a key of them fell into two lines. */
export function oneLineJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
