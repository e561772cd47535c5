// Owns what a row says: turns rows of any format into nodes and edges, or into the reason why they are none.

import { limits } from "../codec/limits.ts";
import type { Value } from "../codec/values.ts";
import {
  type Column,
  type ColumnChoice,
  type ColumnChoices,
  checkPropertyNames,
  defaultNames,
  edgeRoles,
  nodeRoles,
  type RoleSource,
} from "./columns.ts";
import { UsageError } from "./exit.ts";
import { fromJson, type JsonValue, setField } from "./json-values.ts";
import type { Row } from "./rows.ts";
import { type Convert, numberOrText } from "./typed-values.ts";

export type Props = Record<string, Value>;

/** A node to put (`key` and `labels`) or an edge to add (`from`, `type` and `to`). */
export interface Item {
  readonly kind: "node" | "edge";
  readonly key: string;
  readonly labels: string[];
  readonly from: string;
  readonly type: string;
  readonly to: string;
  readonly props: Props;
}

/** Turns a sound row into an item; throws a `BadRow` where it says nothing that can be stored. */
export type RowMapping = (row: Row) => Item;

/** The row is malformed; the message is the reason in the rejects file. */
export class BadRow extends Error {}

/** The type of an edge whose row and options name none. */
export const defaultEdgeType = "EDGE";

interface PropColumns {
  readonly columns: readonly {
    readonly ordinal: number;
    readonly name: string;
    readonly convert: Convert | undefined;
  }[];
  readonly width: number;
  readonly isRagged: boolean;
}

/** The mapping for formats with columns. `isRagged`: rows may be shorter or longer than the first. */
export function columnMapping(
  kind: "nodes" | "edges",
  columns: readonly Column[],
  choices: ColumnChoices,
  { isRagged }: { readonly isRagged: boolean },
): RowMapping {
  const width = columns.length;
  const checkWidth = (fields: readonly string[]): void => {
    if (!isRagged && fields.length !== width) {
      throw new BadRow(`${fields.length} columns where there should be ${width}`);
    }
  };
  if (kind === "nodes") {
    const roles = nodeRoles(columns, choices);
    const props = propColumns(columns, [roles.key, roles.label], isRagged);
    return ({ fields = [] }) => {
      checkWidth(fields);
      const labels = labelsFrom(fields, roles.label);
      return node(checkKey(fields[roles.key], "key"), labels, propsFrom(fields, props));
    };
  }
  const roles = edgeRoles(columns, choices);
  const props = propColumns(columns, [roles.from, roles.to, roles.type], isRagged);
  return ({ fields = [] }) => {
    checkWidth(fields);
    if (fields.length < 2) throw new BadRow("1 column where there should be two ends");
    const from = checkKey(fields[roles.from], "from");
    const to = checkKey(fields[roles.to], "to");
    const type = textFrom(fields, roles.type) || defaultEdgeType;
    return edge(from, checkName(type, "type"), to, propsFrom(fields, props));
  };
}

function propColumns(
  columns: readonly Column[],
  taken: readonly RoleSource[],
  isRagged: boolean,
): PropColumns {
  checkPropertyNames(columns, taken);
  const props = columns.flatMap(({ name, convert }, ordinal) => {
    if (taken.includes(ordinal)) return [];
    // Edge lists have no header to say types: there a field that is written as a number is one.
    return [{ ordinal, name, convert: convert ?? (isRagged ? numberOrText : undefined) }];
  });
  return { columns: props, width: columns.length, isRagged };
}

function textFrom(fields: readonly string[], source: RoleSource): string | undefined {
  return typeof source === "object"
    ? source.constant
    : source === undefined
      ? source
      : fields[source];
}

// A label field may hold several, as in the exports of other graph databases: `Person;Author`.
function labelsFrom(fields: readonly string[], source: RoleSource): string[] {
  if (typeof source === "object") return [source.constant];
  const text = textFrom(fields, source);
  if (text === undefined || text === "") return [];
  const labels = text.includes(";") ? text.split(";").filter((label) => label !== "") : [text];
  for (const label of labels) checkName(label, "label");
  return labels;
}

function propsFrom(fields: readonly string[], { columns, width, isRagged }: PropColumns): Props {
  const props: Props = {};
  for (const { ordinal, name, convert } of columns) {
    const text = fields[ordinal];
    if (text !== undefined && text !== "") setField(props, name, typedValue(text, name, convert));
  }
  for (let ordinal = width; isRagged && ordinal < fields.length; ordinal++) {
    props[`c${ordinal + 1}`] = numberOrText(fields[ordinal] as string);
  }
  return props;
}

function typedValue(text: string, name: string, convert: Convert | undefined): Value {
  if (convert === undefined) return text;
  try {
    return convert(text);
  } catch (error) {
    throw new BadRow(`column ${name}: ${(error as Error).message}`);
  }
}

/** The mapping for NDJSON, where columns are fields; `sample` holds the first rows, to tell which fields there are. */
export function objectMapping(
  kind: "nodes" | "edges",
  sample: readonly Row[],
  choices: ColumnChoices,
): RowMapping {
  const names = fieldNames(sample);
  const has = (name: string): boolean => names.includes(name);
  if (kind === "nodes") {
    const key =
      chosenField(names, choices.key, "--key") ?? defaultNames.key.find(has) ?? names[0] ?? "id";
    const label = fieldOrConstant(names, choices.label, "--label") ?? defaultNames.label.find(has);
    const taken = new Set([key, label]);
    return ({ object = {} }) =>
      node(
        keyFrom(object, key, "key"),
        labelsOf(typeof label === "object" ? label.constant : own(object, label)),
        propsOf(object, taken),
      );
  }
  const pair = defaultNames.ends.find((ends) => ends.every(has));
  const from = chosenField(names, choices.from, "--from") ?? pair?.[0] ?? names[0] ?? "from";
  const to = chosenField(names, choices.to, "--to") ?? pair?.[1] ?? names[1] ?? "to";
  const type = fieldOrConstant(names, choices.type, "--type") ?? defaultNames.type.find(has);
  const taken = new Set([from, to, type]);
  return ({ object = {} }) =>
    edge(
      keyFrom(object, from, "from"),
      typeOf(typeof type === "object" ? type.constant : own(object, type)),
      keyFrom(object, to, "to"),
      propsOf(object, taken),
    );
}

function fieldNames(sample: readonly Row[]): string[] {
  return [...new Set(sample.flatMap((row) => Object.keys(row.object ?? {})))];
}

// Without one sound row in the sample nothing is known of the fields, so that nothing can be refused.
function chosenField(
  names: readonly string[],
  choice: ColumnChoice,
  option: string,
): string | undefined {
  if (choice === undefined) return undefined;
  if (choice.kind === "constant") {
    throw new UsageError(`${option} takes a field, not a constant: =${choice.value}`);
  }
  const { text } = choice;
  if (names.includes(text) || names.length === 0) return text;
  const numbered = /^\d+$/.test(text) ? names[Number(text) - 1] : undefined;
  if (numbered !== undefined) return numbered;
  throw new UsageError(
    `${option} ${text}: no such field; there are ${names.slice(0, 20).join(", ")}`,
  );
}

function fieldOrConstant(
  names: readonly string[],
  choice: ColumnChoice,
  option: string,
): string | { readonly constant: string } | undefined {
  return choice?.kind === "constant"
    ? { constant: choice.value }
    : chosenField(names, choice, option);
}

type JsonObject = { readonly [name: string]: JsonValue };

function own(object: JsonObject, name: string | undefined): JsonValue | undefined {
  return name !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

function keyFrom(object: JsonObject, field: string, role: string): string {
  const value = own(object, field);
  if (typeof value === "number") {
    // JSON.parse has already rounded a larger one, and two nodes would become one.
    if (!Number.isSafeInteger(value) && Number.isInteger(value)) {
      throw new BadRow(`${role}: the number is too large to be exact; write it as a string`);
    }
    return String(value);
  }
  if (value !== undefined && value !== null && typeof value !== "string") {
    throw new BadRow(
      `${role}: a string or a number is needed, not ${JSON.stringify(value).slice(0, 40)}`,
    );
  }
  return checkKey(value ?? undefined, role);
}

function labelsOf(value: JsonValue | undefined): string[] {
  if (value === undefined || value === null || value === "") return [];
  const labels = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  return labels.map((label) => {
    if (typeof label !== "string")
      throw new BadRow("label: a string or a list of strings is needed");
    return checkName(label, "label");
  });
}

function typeOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null || value === "") return defaultEdgeType;
  if (typeof value !== "string") throw new BadRow("type: a string is needed");
  return checkName(value, "type");
}

function propsOf(object: JsonObject, taken: ReadonlySet<unknown>): Props {
  const props: Props = {};
  for (const name of Object.keys(object)) {
    if (taken.has(name)) continue;
    try {
      setField(props, name, fromJson(object[name] as JsonValue));
    } catch (error) {
      throw new BadRow(`field ${name}: ${(error as Error).message}`);
    }
  }
  return props;
}

function node(key: string, labels: string[], props: Props): Item {
  return { kind: "node", key, labels, from: "", type: "", to: "", props };
}

function edge(from: string, type: string, to: string, props: Props): Item {
  return { kind: "edge", key: "", labels: [], from, type, to, props };
}

function checkKey(text: string | undefined, role: string): string {
  if (text === undefined || text === "") throw new BadRow(`no ${role}`);
  return checkName(text, role);
}

function checkName(text: string, role: string): string {
  const isShort = text.length * 3 <= limits.keyBytesMax;
  if (!isShort && Buffer.byteLength(text) > limits.keyBytesMax) {
    throw new BadRow(`${role}: longer than ${limits.keyBytesMax} bytes`);
  }
  return text;
}
