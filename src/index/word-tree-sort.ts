// Sorts staged word tuples, by a stable radix sort of their ordinals that reads only the digits that vary. Words that the tuples
// already ascend by (edge ids in log order, say) cost no pass.

const insertionCountMax = 24;
const digitBitsMax = 11;

export class TupleSorter {
  #order = new Uint32Array(0);
  #spare = new Uint32Array(0);
  #sorted = new Uint32Array(0);
  /** One word of every tuple, in the order so far. */
  #column = new Uint32Array(0);
  #spareColumn = new Uint32Array(0);
  readonly #digitStarts = new Uint32Array(1 << digitBitsMax);
  readonly #varyingBits = new Uint32Array(8);

  /**
   * The tuples in ascending order of their key words, equal ones as they came: either `words` itself, or an array that is valid
   * until the next call.
   */
  sort(words: Uint32Array, width: number, keyWords: number, count: number): Uint32Array {
    const unsortedWords = this.#findUnsorted(words, width, keyWords, count);
    if (unsortedWords === 0) return words;
    if (this.#order.length < count) {
      this.#order = new Uint32Array(count);
      this.#spare = new Uint32Array(count);
      this.#column = new Uint32Array(count);
      this.#spareColumn = new Uint32Array(count);
    }
    if (this.#sorted.length < count * width) this.#sorted = new Uint32Array(count * width);
    for (let i = 0; i < count; i++) this.#order[i] = i;
    if (count <= insertionCountMax) this.#insertionSort(words, width, keyWords, count);
    else this.#radixSort(words, width, unsortedWords, count);
    this.#gather(words, width, count);
    return this.#sorted;
  }

  /** Notes the bits that vary in each word, and returns how many leading words the tuples still have to be sorted by. */
  #findUnsorted(words: Uint32Array, width: number, keyWords: number, count: number): number {
    const varyingBits = this.#varyingBits.fill(0);
    let unsorted = 0;
    const end = count * width;
    for (let base = width; base < end; base += width) {
      // order: how this tuple compares with the one before, by the words from `word` on.
      let order = 0;
      for (let word = keyWords - 1; word >= 0; word--) {
        const here = words[base + word]!;
        const before = words[base - width + word]!;
        if (here === before) {
          if (order < 0 && unsorted <= word) unsorted = word + 1;
          continue;
        }
        varyingBits[word]! |= here ^ before;
        order = here < before ? -1 : 1;
        if (order < 0 && unsorted <= word) unsorted = word + 1;
      }
    }
    return unsorted;
  }

  #insertionSort(words: Uint32Array, width: number, keyWords: number, count: number): void {
    const order = this.#order;
    for (let i = 1; i < count; i++) {
      const moving = order[i]!;
      let to = i;
      while (to > 0 && isBelow(words, moving * width, order[to - 1]! * width, keyWords)) {
        order[to] = order[to - 1]!;
        to--;
      }
      order[to] = moving;
    }
  }

  #radixSort(words: Uint32Array, width: number, unsortedWords: number, count: number): void {
    for (let word = unsortedWords - 1; word >= 0; word--) {
      const varying = this.#varyingBits[word]!;
      if (varying === 0) continue;
      const lowBit = 31 - Math.clz32(varying & -varying);
      const bits = 32 - Math.clz32(varying) - lowBit;
      const passes = Math.ceil(bits / digitBitsMax);
      const digitBits = Math.ceil(bits / passes);
      this.#takeColumn(words, word, width, count);
      for (let pass = 0; pass < passes; pass++) {
        this.#pass(lowBit + pass * digitBits, (1 << digitBits) - 1, count);
      }
    }
  }

  /** Passes over a column of its own read memory in order, and the tuples are looked up once a word. */
  #takeColumn(words: Uint32Array, word: number, width: number, count: number): void {
    const column = this.#column;
    const order = this.#order;
    for (let i = 0; i < count; i++) column[i] = words[order[i]! * width + word]!;
  }

  /** Tuples read in order one by one would each wait for memory; copied first, their reads overlap. */
  #gather(words: Uint32Array, width: number, count: number): void {
    const order = this.#order;
    const sorted = this.#sorted;
    for (let i = 0, to = 0; i < count; i++) {
      const end = (order[i]! + 1) * width;
      for (let from = end - width; from < end; from++) sorted[to++] = words[from]!;
    }
  }

  #pass(shift: number, mask: number, count: number): void {
    const starts = this.#digitStarts.fill(0, 0, mask + 1);
    const column = this.#column;
    for (let i = 0; i < count; i++) starts[(column[i]! >>> shift) & mask]!++;
    let start = 0;
    for (let digit = 0; digit <= mask; digit++) {
      const digitCount = starts[digit]!;
      starts[digit] = start;
      start += digitCount;
    }
    const from = this.#order;
    const to = this.#spare;
    const columnTo = this.#spareColumn;
    for (let i = 0; i < count; i++) {
      const value = column[i]!;
      const at = starts[(value >>> shift) & mask]!++;
      to[at] = from[i]!;
      columnTo[at] = value;
    }
    this.#order = to;
    this.#spare = from;
    this.#column = columnTo;
    this.#spareColumn = column;
  }
}

function isBelow(words: Uint32Array, a: number, b: number, keyWords: number): boolean {
  for (let word = 0; word < keyWords; word++) {
    const x = words[a + word]!;
    const y = words[b + word]!;
    if (x !== y) return x < y;
  }
  return false;
}
