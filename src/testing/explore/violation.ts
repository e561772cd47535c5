// The error of a broken promise, named after the property of the oracle that it breaks.

/** A promise of the store under test that a crash, a fault or the store itself has broken. */
export class Violation extends Error {
  /** The property, such as `O1 durability`; see docs/TESTING-KIT.md. */
  readonly property: string;

  constructor(property: string, message: string) {
    super(`${property}: ${message}`);
    this.name = "Violation";
    this.property = property;
  }
}
