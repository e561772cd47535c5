// Owns GraphML and GEXF: the graph as XML with typed attributes, for tools that draw and measure graphs.

import type { ExportFields, ValueKind } from "./export-fields.ts";
import type { ExportedEdge, ExportedNode, ExportFormat } from "./export-format.ts";
import { toJson } from "./json-values.ts";

const graphmlTypes: Readonly<Record<ValueKind, string>> = {
  text: "string",
  integer: "long",
  number: "double",
  boolean: "boolean",
  date: "string",
  bigint: "string",
  other: "string",
};

const gexfTypes: Readonly<Record<ValueKind, string>> = { ...graphmlTypes, date: "string" };

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** Text in XML, in content and in attributes; what XML has no way to say becomes U+FFFD. */
export function xmlText(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"\t\n\r]/g, (character) => escapes[character]!);
}

function valueText(value: unknown): string {
  if (typeof value === "string") return xmlText(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  return xmlText(JSON.stringify(toJson(value)));
}

/** As XML Schema writes the numbers that are none. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? "INF" : "-INF";
}

const graphmlHead = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
];

function graphmlKeys(prefix: "n" | "e", fields: ExportFields): string[] {
  const domain = prefix === "n" ? "node" : "edge";
  return fields.names.map((name, ordinal) => {
    const type = graphmlTypes[fields.kindOf(name)];
    return `<key id="${prefix}${ordinal}" for="${domain}" attr.name="${xmlText(name)}" attr.type="${type}"/>`;
  });
}

function graphmlData(
  prefix: "n" | "e",
  props: ExportedNode["props"],
  fields: ExportFields,
): string {
  return fields.names
    .map((name, ordinal) =>
      Object.hasOwn(props, name)
        ? `<data key="${prefix}${ordinal}">${valueText(props[name])}</data>`
        : "",
    )
    .join("");
}

export const graphmlExport: ExportFormat = {
  head: (nodes, edges) => [
    ...graphmlHead,
    '<key id="key" for="node" attr.name="key" attr.type="string"/>',
    '<key id="labels" for="node" attr.name="labels" attr.type="string"/>',
    '<key id="type" for="edge" attr.name="type" attr.type="string"/>',
    ...graphmlKeys("n", nodes),
    ...graphmlKeys("e", edges),
    '<graph edgedefault="directed">',
  ],
  middle: () => [],
  tail: () => ["</graph>", "</graphml>"],
  node: ({ id, key, labels, props }, fields) =>
    `<node id="n${id}"><data key="key">${xmlText(key)}</data>` +
    `<data key="labels">${xmlText(labels.join(";"))}</data>` +
    `${graphmlData("n", props, fields)}</node>`,
  edge: ({ id, fromId, toId, type, props }, fields) =>
    `<edge id="e${id}" source="n${fromId}" target="n${toId}"><data key="type">${xmlText(type)}</data>` +
    `${graphmlData("e", props, fields)}</edge>`,
};

function gexfAttributes(domain: "node" | "edge", fields: ExportFields): string[] {
  const own = domain === "node" ? ['<attribute id="labels" title="labels" type="string"/>'] : [];
  const rest = fields.names.map((name, ordinal) => {
    const type = gexfTypes[fields.kindOf(name)];
    return `<attribute id="${ordinal}" title="${xmlText(name)}" type="${type}"/>`;
  });
  return [`<attributes class="${domain}">`, ...own, ...rest, "</attributes>"];
}

function gexfValues(
  own: readonly (readonly [string, string])[],
  props: ExportedEdge["props"],
  fields: ExportFields,
): string {
  const values = own.map(([id, text]) => `<attvalue for="${id}" value="${text}"/>`);
  for (const [ordinal, name] of fields.names.entries()) {
    if (!Object.hasOwn(props, name)) continue;
    values.push(`<attvalue for="${ordinal}" value="${valueText(props[name])}"/>`);
  }
  return values.length === 0 ? "" : `<attvalues>${values.join("")}</attvalues>`;
}

export const gexfExport: ExportFormat = {
  head: (nodes, edges) => [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<gexf xmlns="http://gexf.net/1.3" version="1.3">',
    '<graph defaultedgetype="directed">',
    ...gexfAttributes("node", nodes),
    ...gexfAttributes("edge", edges),
    "<nodes>",
  ],
  middle: () => ["</nodes>", "<edges>"],
  tail: () => ["</edges>", "</graph>", "</gexf>"],
  node: ({ id, key, labels, props }, fields) =>
    `<node id="${id}" label="${xmlText(key)}">` +
    `${gexfValues([["labels", xmlText(labels.join(";"))]], props, fields)}</node>`,
  edge: ({ id, fromId, toId, type, props }, fields) =>
    `<edge id="${id}" source="${fromId}" target="${toId}" label="${xmlText(type)}" kind="${xmlText(type)}">` +
    `${gexfValues([], props, fields)}</edge>`,
};
