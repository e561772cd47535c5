// Owns the random texts and values of the codec's properties: surrogates, edges of every width, names of Object.prototype.

import fc from "fast-check";

/** Any JS string, lone surrogates included. */
export function anyText(): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0xd800, max: 0xdfff }),
    fc.constantFrom(
      0,
      0x7f,
      0x80,
      0x7ff,
      0x800,
      0xd7ff,
      0xd800,
      0xdbff,
      0xdc00,
      0xdfff,
      0xe000,
      0xfeff,
    ),
  );
  return fc.oneof(
    fc.array(unit, { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ maxLength: 70 }),
  );
}

export function anyNumber(): fc.Arbitrary<number> {
  const powers = fc
    .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([power, offset, negative]) => (2 ** power + offset) * (negative ? -1 : 1));
  return fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), powers, fc.constantFrom(0, -0));
}

const prototypeNames = Object.getOwnPropertyNames(Object.prototype);

/** Any value that can be stored, nested up to a few levels. */
export function anyValue(): fc.Arbitrary<unknown> {
  return fc.letrec<{ value: unknown; scalar: unknown }>((tie) => ({
    scalar: fc.oneof(
      fc.constantFrom(null, true, false),
      anyNumber(),
      fc.bigInt(),
      fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }),
      anyText(),
      fc.uint8Array({ maxLength: 40 }),
      fc.date({ noInvalidDate: false }),
    ),
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("scalar"),
      fc.array(tie("value"), { maxLength: 20 }),
      fc
        .array(fc.tuple(anyKey(), fc.option(tie("value"), { nil: undefined, freq: 20 })), {
          maxLength: 20,
        })
        .map((entries) => Object.fromEntries(entries)),
    ),
  })).value;
}

function anyKey(): fc.Arbitrary<string> {
  return fc.oneof(anyText(), fc.string({ maxLength: 8 }), fc.constantFrom(...prototypeNames));
}
