// Reads the words, numbers and quoted texts of a line of plan, one after the other.
const WORD = /[A-Za-z_]\w*/y;
const DIGITS = /\d+(?:\.\d+)?(?:e\+?\d+)?/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const FLAGS = /[a-z]*/y;
const SPACES = /\s*/y;

export class PlanScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#match(SPACES);
  }

  /** Steps over `token` where it comes next: a whole word, or a sign. */
  take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    const end = this.#at + token.length;
    if (/\w$/.test(token) && /^\w/.test(this.#text.slice(end, end + 1))) return false;
    this.#at = end;
    this.#match(SPACES);
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.#error(`"${token}"`);
  }

  oneOf<T extends string>(tokens: readonly T[], what: string): T {
    const found = tokens.find((token) => this.take(token));
    if (found === undefined) throw this.#error(what);
    return found;
  }

  word(what: string): string {
    const found = this.#match(WORD);
    if (found === "") throw this.#error(what);
    this.#match(SPACES);
    return found;
  }

  number(): number {
    const found = this.marked("");
    if (found === undefined) throw this.#error("a number");
    return found;
  }

  /** A number right behind the mark, if the mark comes next. */
  marked(mark: string): number | undefined {
    if (!this.#text.startsWith(mark, this.#at)) return undefined;
    const start = this.#at;
    this.#at += mark.length;
    const digits = this.#match(DIGITS);
    if (digits === "") {
      this.#at = start;
      return undefined;
    }
    this.#match(SPACES);
    return Number(digits);
  }

  /** A part of a path, or a pattern for paths. */
  path(): string | RegExp | undefined {
    const isPattern = this.#text.startsWith("~", this.#at);
    if (isPattern) this.#at += 1;
    const quoted = this.#match(QUOTED);
    if (quoted === "") {
      if (isPattern) throw this.#error("a quoted pattern");
      return undefined;
    }
    const flags = isPattern ? this.#match(FLAGS) : "";
    this.#match(SPACES);
    try {
      const text = JSON.parse(quoted) as string;
      return isPattern ? new RegExp(text, flags) : text;
    } catch {
      throw this.#error("a path or pattern before this");
    }
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#error("the end");
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #error(wanted: string): TypeError {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return new TypeError(`parsePlan: ${wanted} wanted at ${this.#at}, found "${found}"`);
  }
}
