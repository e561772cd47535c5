// How the benchmarks measure a rate of reading: rounds of fixed time, the median of them.

const rounds = 3;

/** Units a second, as `use(item)` counts them, over the items again and again: the median of a few rounds. */
export async function rate(items, use, roundMs = 700) {
  const measured = [];
  for (let round = 0; round <= rounds; round++) {
    let units = 0;
    let i = (round * 7919) % items.length;
    const started = performance.now();
    const deadline = started + (round === 0 ? roundMs / 2 : roundMs);
    while (performance.now() < deadline) {
      for (let step = 0; step < 32; step++) {
        const used = use(items[i]);
        units += typeof used === "number" ? used : await used;
        i = i + 1 === items.length ? 0 : i + 1;
      }
    }
    // The first round only warms up.
    if (round > 0) measured.push((units / (performance.now() - started)) * 1000);
  }
  return measured.sort((a, b) => a - b)[rounds >> 1];
}
