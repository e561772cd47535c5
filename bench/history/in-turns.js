// Rates of several things that are measured in turns, so that what else the machine does falls on all of them alike.

/**
 * `read(face)` of each face, one after the other, round after round; it says how many units it read. In units of a million per
 * second of processor time of this process, all threads together: `best`, `median`; `cost`: the median over the rounds of what a
 * unit cost over what it cost of the first face in the same round.
 */
export async function inTurns(faces, read, rounds, leastMs = 30) {
  const names = Object.keys(faces);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    // Each is the first in its turn: who reads behind whom matters to caches and to the collector of garbage.
    const first = (round + 1) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const cpu = process.cpuUsage();
      let units = 0;
      let spent = 0;
      while (spent < leastMs * 1000) {
        units += read(faces[name]);
        const { user, system } = process.cpuUsage(cpu);
        spent = user + system;
      }
      // The first round only warms up.
      if (round >= 0) rates[name].push(units / spent);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const ofFirst = rates[names[0]];
  return Object.fromEntries(
    names.map((name) => {
      const each = rates[name];
      const cost = median(each.map((rate, round) => ofFirst[round] / rate));
      return [name, { best: Math.max(...each), median: median(each), cost }];
    }),
  );
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
