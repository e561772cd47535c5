// Owns the question what an object is: one of the few kinds a value can have, or something that cannot be stored.
// Objects of other realms count as what they are.

export type ObjectKind = "object" | "array" | "bytes" | "date" | "refused";

const objectPrototype: object = Object.prototype;
const arrayPrototype: object = Array.prototype;

// The getter tells the true kind of a typed array, whatever its prototype or own properties claim.
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

export function objectKind(value: object): ObjectKind {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === objectPrototype) return "object";
  if (prototype === arrayPrototype) return Array.isArray(value) ? "array" : "refused";
  if (prototype === null) return "object";
  if (typedArrayName.call(value) === "Uint8Array") return "bytes";
  if (prototype === Date.prototype) return isDate(value) ? "date" : "refused";
  return kindInOtherRealm(value, prototype);
}

// The prototypes of another realm are other objects: they are known by their place in the chain and their nature.
function kindInOtherRealm(value: object, prototype: object): ObjectKind {
  const next: object | null = Object.getPrototypeOf(prototype);
  if (next === null) return isObjectPrototype(prototype) ? "object" : "refused";
  if (Object.getPrototypeOf(next) !== null || !isObjectPrototype(next)) return "refused";
  if (Array.isArray(value)) return Array.isArray(prototype) ? "array" : "refused";
  return isDate(value) && Object.hasOwn(prototype, "getTimezoneOffset") ? "date" : "refused";
}

function isObjectPrototype(prototype: object): boolean {
  return Object.hasOwn(prototype, "isPrototypeOf") && Object.hasOwn(prototype, "valueOf");
}

function isDate(value: object): boolean {
  try {
    dateMs(value);
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds of a date, not to be misled by own properties; throws a TypeError for anything else. */
export function dateMs(value: object): number {
  return Date.prototype.getTime.call(value);
}

/** What was passed, for messages: never its content. */
export function describeKind(value: unknown): string {
  if (value === undefined) return "undefined";
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value !== "object" || value === null) return typeof value;
  const prototype: unknown = Object.getPrototypeOf(value);
  const maker: unknown =
    typeof prototype === "object" && prototype !== null
      ? Object.getOwnPropertyDescriptor(prototype, "constructor")?.value
      : undefined;
  return typeof maker === "function" && maker.name !== ""
    ? `an instance of ${maker.name}`
    : "an object with a prototype of its own";
}
