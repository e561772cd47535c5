// Writes the figures of bench/results/latest.json into the README, between its two marks: a chart and a table.
// `node bench/readme.js`, after a full `npm run bench`.

import { readFileSync, writeFileSync } from "node:fs";
import { rateText, tableCells } from "./table.js";

const readmePath = new URL("../README.md", import.meta.url);
const report = JSON.parse(readFileSync(new URL("results/latest.json", import.meta.url), "utf8"));
const barMax = 40;

function chart(title, field) {
  const names = Object.keys(report.engines).filter((name) => report.engines[name][field] > 0);
  const most = Math.max(...names.map((name) => report.engines[name][field]));
  const lines = names.map((name) => {
    const figure = report.engines[name][field];
    const bar = "█".repeat(Math.max(1, Math.round((barMax * figure) / most)));
    return `${name.padEnd(16)}${rateText(figure).padStart(9)}  ${bar}`;
  });
  return [title, ...lines].join("\n");
}

function table() {
  const [head, ...body] = tableCells(report.engines);
  const row = (cells) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, at) => (at === 0 ? "---" : "---:"))), ...body.map(row)].join(
    "\n",
  );
}

const { machine } = report;
const text = `One run on ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${report.date}. Ingest at the same durability (handed
to the operating system, then closed), string keys, two props an edge, both directions queryable; the durable commits are synced each.

\`\`\`text
${chart("edges written a second", "edgesPerSecond")}

${chart("neighbour ids read a second, start nodes drawn by edge", "neighborsByEdgePerSecond")}
\`\`\`

${table()}`;

const readme = readFileSync(readmePath, "utf8");
const pattern = /(<!-- bench:begin[^\n]*-->\n)[\s\S]*(\n<!-- bench:end -->)/;
if (!pattern.test(readme)) throw new Error("README.md has no bench:begin and bench:end marks");
writeFileSync(
  readmePath,
  readme.replace(pattern, (_, begin, end) => begin + text + end),
);
console.log("README.md has the figures of bench/results/latest.json");
