// Waits for things that are done at the same time.

/** As `Promise.all`, but nothing is under way any more when it rejects. */
export async function sideBySide<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
