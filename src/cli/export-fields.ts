// Owns what an export must know of the properties before it writes the first line: their names, and which kinds of values they have.

/** Kinds of values, as the formats tell them apart. */
export type ValueKind = "text" | "integer" | "number" | "boolean" | "date" | "bigint" | "other";

/** The properties of nodes or of edges, in the order in which they are met first. */
export class ExportFields {
  readonly #kinds: Map<string, Set<ValueKind>> = new Map();

  note(props: Readonly<Record<string, unknown>>): void {
    for (const name of Object.keys(props)) {
      let kinds = this.#kinds.get(name);
      if (kinds === undefined) {
        kinds = new Set();
        this.#kinds.set(name, kinds);
      }
      kinds.add(kindOf(props[name]));
    }
  }

  get names(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  /** The one kind that all values of a property have; whole numbers are numbers too. */
  kindOf(name: string): ValueKind {
    const kinds = this.#kinds.get(name) ?? new Set();
    const [only = "other"] = kinds;
    if (kinds.size === 1) return only;
    const areNumbers = kinds.size === 2 && kinds.has("integer") && kinds.has("number");
    return areNumbers ? "number" : "other";
  }
}

const plainText: RegExp = /^[^\p{Cc}\p{Cs}]+$/u;

/** Text that some reader could not give back as it was (empty, with control characters, lone surrogates) is "other". */
export function kindOf(value: unknown): ValueKind {
  switch (typeof value) {
    case "string":
      return plainText.test(value) ? "text" : "other";
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "number";
    case "boolean":
      return "boolean";
    case "bigint":
      return "bigint";
    default:
      return isPlainDate(value) ? "date" : "other";
  }
}

function isPlainDate(value: unknown): boolean {
  return (
    value instanceof Date &&
    /^\d{4}-/.test(Number.isNaN(value.getTime()) ? "" : value.toISOString())
  );
}
