// Owns the columns of an input: their names and types as the header tells them, and which of them serve as key, label,
// ends or type. Pure; whatever an option says that the file does not have is a usage error here.

import { UsageError } from "./exit.ts";
import { type Convert, convertOf, typeNames } from "./typed-values.ts";

/** What a column can serve as, instead of being a property. */
export type ColumnRole = "key" | "label" | "from" | "to" | "type";

export interface Column {
  readonly name: string;
  /** As the header has it, type and all; absent where there is no header. */
  readonly header: string;
  readonly convert: Convert | undefined;
  /** Said by the header itself, as in `:START_ID`. */
  readonly role: ColumnRole | undefined;
}

/** What an option says about a role: a column (by name or 1-based number), a constant (`=NAME`), or nothing. */
export type ColumnChoice =
  | { readonly kind: "column"; readonly text: string }
  | { readonly kind: "constant"; readonly value: string }
  | undefined;

export type ColumnChoices = Readonly<Record<ColumnRole, ColumnChoice>>;

/** Where a role's value comes from: the ordinal (from 0) of a column, or a constant; `undefined` where there is none. */
export type RoleSource = number | { readonly constant: string } | undefined;

/** Names that are taken for a role where no option says otherwise, the first that is there. */
export const defaultNames: {
  readonly key: readonly string[];
  readonly label: readonly string[];
  readonly type: readonly string[];
  readonly ends: readonly (readonly [string, string])[];
} = {
  key: ["~id", "id", "key", "_id"],
  label: ["~label", "label", ":LABEL", "labels"],
  type: ["~label", "type", "label", ":TYPE"],
  ends: [
    ["~from", "~to"],
    ["from", "to"],
    ["source", "target"],
    ["src", "dst"],
    [":START_ID", ":END_ID"],
    ["_from", "_to"],
  ],
};

const headerRoles: Readonly<Record<string, ColumnRole>> = {
  ID: "key",
  LABEL: "label",
  START_ID: "from",
  END_ID: "to",
  TYPE: "type",
};

/** Reads an option's `COL|=NAME`. */
export function parseChoice(text: string): ColumnChoice {
  return text.startsWith("=")
    ? { kind: "constant", value: text.slice(1) }
    : { kind: "column", text };
}

/** The columns a header names; a column without a name is called by its number, `c3`. */
export function columnsOf(header: readonly string[]): Column[] {
  return header.map((text, ordinal) => columnOf(text, ordinal));
}

function columnOf(header: string, ordinal: number): Column {
  const fromNeo4j = /^(.*):(ID|LABEL|START_ID|END_ID|TYPE)(?:\(.*\))?$/.exec(header);
  if (fromNeo4j !== null) {
    const [, name = "", word = ""] = fromNeo4j;
    return { name: name || `:${word}`, header, convert: undefined, role: headerRoles[word] };
  }
  const colon = header.lastIndexOf(":");
  if (colon <= 0) {
    const name = header.trim() === "" ? `c${ordinal + 1}` : header;
    return { name, header, convert: undefined, role: undefined };
  }
  const type = header.slice(colon + 1);
  const convert = convertOf(type);
  if (convert === undefined) {
    throw new UsageError(
      `column ${ordinal + 1}, ${JSON.stringify(header)}: there is no type ${JSON.stringify(type)}; ` +
        `the types are ${typeNames.join(", ")}, each also as a list, like string[] (--columns renames columns)`,
    );
  }
  return { name: header.slice(0, colon), header, convert, role: undefined };
}

export interface NodeRoles {
  readonly key: number;
  readonly label: RoleSource;
}

export interface EdgeRoles {
  readonly from: number;
  readonly to: number;
  readonly type: RoleSource;
}

/** Which columns of a nodes file serve as key and label. */
export function nodeRoles(columns: readonly Column[], choices: ColumnChoices): NodeRoles {
  const key =
    chosenColumn(columns, choices.key, "--key") ?? found(columns, "key", defaultNames.key);
  const label =
    chosenSource(columns, choices.label, "--label") ?? found(columns, "label", defaultNames.label);
  return { key: key ?? 0, label };
}

/** Which columns of an edges file serve as ends and type. */
export function edgeRoles(columns: readonly Column[], choices: ColumnChoices): EdgeRoles {
  let from = chosenColumn(columns, choices.from, "--from");
  let to = chosenColumn(columns, choices.to, "--to");
  from ??= defaultEnd(columns, 0, to);
  to ??= defaultEnd(columns, 1, from);
  const type =
    chosenSource(columns, choices.type, "--type") ??
    found(columns, "type", defaultNames.type, [from, to]);
  return { from, to, type };
}

// One end given and the other not: the other is looked for by its usual names, then by its place.
function defaultEnd(columns: readonly Column[], end: 0 | 1, other: number | undefined): number {
  const byHeader = columns.findIndex((column) => column.role === (end === 0 ? "from" : "to"));
  if (byHeader !== -1 && byHeader !== other) return byHeader;
  for (const pair of defaultNames.ends) {
    const ordinals = pair.map((name) => byName(columns, name));
    const ordinal = ordinals[end];
    const isPair = other !== undefined || ordinals[1 - end] !== undefined;
    if (ordinal !== undefined && isPair && ordinal !== other) return ordinal;
  }
  // An edge list of one column has no second end; its rows are refused one by one.
  return other === end ? 1 - end : end;
}

function found(
  columns: readonly Column[],
  role: ColumnRole,
  names: readonly string[],
  taken: readonly number[] = [],
): number | undefined {
  const byHeader = columns.findIndex((column) => column.role === role);
  if (byHeader !== -1) return byHeader;
  for (const name of names) {
    const ordinal = byName(columns, name);
    if (ordinal !== undefined && !taken.includes(ordinal)) return ordinal;
  }
  return undefined;
}

// Headers come in every case (`Source`, `SOURCE`); the exact one goes first.
function byName(columns: readonly Column[], name: string): number | undefined {
  const exact = columns.findIndex((column) => column.name === name);
  if (exact !== -1) return exact;
  const lower = name.toLowerCase();
  const anyCase = columns.findIndex((column) => column.name.toLowerCase() === lower);
  return anyCase === -1 ? undefined : anyCase;
}

function chosenSource(
  columns: readonly Column[],
  choice: ColumnChoice,
  option: string,
): RoleSource {
  if (choice?.kind === "constant") return { constant: choice.value };
  return chosenColumn(columns, choice, option);
}

function chosenColumn(
  columns: readonly Column[],
  choice: ColumnChoice,
  option: string,
): number | undefined {
  if (choice === undefined) return undefined;
  if (choice.kind === "constant") {
    throw new UsageError(`${option} takes a column, not a constant: =${choice.value}`);
  }
  const { text } = choice;
  const named = ordinalsWhere(columns, (column) => column.name === text || column.header === text);
  if (named.length > 1) {
    throw new UsageError(
      `${option} ${text}: columns ${named.map((ordinal) => ordinal + 1).join(" and ")} have that name; give the number`,
    );
  }
  if (named[0] !== undefined) return named[0];
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= columns.length) return number - 1;
  const names = columns.map((column) => column.name).join(", ");
  throw new UsageError(`${option} ${text}: no such column; there are ${shorten(names)}`);
}

/** Throws where two columns that become properties have one name: the one would hide the other. */
export function checkPropertyNames(columns: readonly Column[], taken: readonly RoleSource[]): void {
  const seen = new Map<string, number>();
  columns.forEach((column, ordinal) => {
    if (taken.includes(ordinal)) return;
    const first = seen.get(column.name);
    if (first !== undefined) {
      throw new UsageError(
        `columns ${first + 1} and ${ordinal + 1} are both named ${JSON.stringify(column.name)}; rename one with --columns`,
      );
    }
    seen.set(column.name, ordinal);
  });
}

function ordinalsWhere(columns: readonly Column[], test: (column: Column) => boolean): number[] {
  return columns.flatMap((column, ordinal) => (test(column) ? [ordinal] : []));
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
