// Makes the objects of properties that come in lists of the same names again and again.

/** Properties by name: a fresh plain object; a property called `__proto__` is an own one too. */
export type Props = Record<string, unknown>;

const slotCount = 256;
const placeCount = 6;
/** A list that came so often is worth one of the few places. */
const usesForPlace = 256;
const noPlace = -1;

/** The numbers of the names in a list, in order, 0 where it has fewer, and the names. */
export class PropShape {
  readonly numbers: readonly [number, number, number, number];
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly fourth: string;
  readonly count: number;
  place: number = noPlace;
  usesLeft: number;

  constructor(numbers: readonly [number, number, number, number], names: readonly string[]) {
    this.numbers = numbers;
    const [first = "", second = "", third = "", fourth = ""] = names.map(interned);
    this.first = first;
    this.second = second;
    this.third = third;
    this.fourth = fourth;
    this.count = names.length;
    this.usesLeft = names.every(isOrdinary) ? usesForPlace : Number.POSITIVE_INFINITY;
  }
}

/** The shapes of one dictionary of names; a list that finds its slot taken by another one has none. */
export class PropShapes {
  readonly #slots: (PropShape | undefined)[] = new Array<PropShape | undefined>(slotCount).fill(
    undefined,
  );

  /** The shape of a list of one to four names by their numbers, 0 where there are fewer. */
  find(a: number, b: number, c: number, d: number): PropShape | undefined {
    const shape = this.#slots[slotOf(a, b, c, d)];
    if (shape === undefined) return undefined;
    const { numbers } = shape;
    const isSame = numbers[0] === a && numbers[1] === b && numbers[2] === c && numbers[3] === d;
    return isSame ? shape : undefined;
  }

  /** Whether there is a place to remember a list in: who came first keeps it. */
  hasRoomFor(a: number, b: number, c: number, d: number): boolean {
    return this.#slots[slotOf(a, b, c, d)] === undefined;
  }

  add(a: number, b: number, c: number, d: number, names: readonly string[]): void {
    this.#slots[slotOf(a, b, c, d)] = new PropShape([a, b, c, d], names);
  }

  /** To be called where a number comes to stand for another name. */
  clear(): void {
    this.#slots.fill(undefined);
  }
}

/**
 * An object of a shape. The engine learns for each place in the code which name is stored there: a store that sees one name only
 * costs a tenth of one that sees many. So the lists that come most often have a place of their own, the same lines once more.
 * Places are given for good, to all dictionaries of the process together: what a place has learnt is not forgotten.
 */
export function shapedProps(
  shape: PropShape,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
): Props {
  switch (shape.place) {
    case 0:
      return place0(shape, a, b, c, d);
    case 1:
      return place1(shape, a, b, c, d);
    case 2:
      return place2(shape, a, b, c, d);
    case 3:
      return place3(shape, a, b, c, d);
    case 4:
      return place4(shape, a, b, c, d);
    case 5:
      return place5(shape, a, b, c, d);
    default:
      return unplaced(shape, a, b, c, d);
  }
}

function unplaced(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  if (--shape.usesLeft === 0) shape.place = placeFor(shape);
  const props: Props = {};
  setProp(props, shape.first, a);
  if (shape.count > 1) setProp(props, shape.second, b);
  if (shape.count > 2) setProp(props, shape.third, c);
  if (shape.count > 3) setProp(props, shape.fourth, d);
  return props;
}

/** Sets an own property whatever its name is. */
export function setProp(props: Props, name: string, value: unknown): void {
  if (name === "__proto__") {
    const own = { value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(props, name, own);
  } else {
    props[name] = value;
  }
}

const places: Map<string, number> = new Map();

function placeFor({ first, second, third, fourth }: PropShape): number {
  const names = JSON.stringify([first, second, third, fourth]);
  const known = places.get(names);
  if (known !== undefined) return known;
  if (places.size === placeCount) return noPlace;
  places.set(names, places.size);
  return places.size - 1;
}

function place0(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

function place1(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

function place2(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

function place3(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

function place4(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

function place5(shape: PropShape, a: unknown, b: unknown, c: unknown, d: unknown): Props {
  const props: Props = {};
  props[shape.first] = a;
  if (shape.count > 1) props[shape.second] = b;
  if (shape.count > 2) props[shape.third] = c;
  if (shape.count > 3) props[shape.fourth] = d;
  return props;
}

/** Whether a name is stored as most are: not as the prototype, and not as an element. */
function isOrdinary(name: string): boolean {
  return name !== "__proto__" && !/^\d/.test(name);
}

/** The same name as the one string object that the engine itself compares names by. */
function interned(name: string): string {
  return Object.keys({ [name]: 0 })[0]!;
}

function slotOf(a: number, b: number, c: number, d: number): number {
  const mixed = Math.imul(Math.imul(Math.imul(a, 31) + b, 31) + c, 31) + d;
  return (mixed ^ (mixed >>> 8)) & (slotCount - 1);
}
