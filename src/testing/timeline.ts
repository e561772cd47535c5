// The report of what happened on a simulated disk, over one life or several: as text, and as a page of its own.
import {
  type FileLine,
  type LifeReport,
  reportOf,
  type TimelineLife,
  type TimelineMark,
  type TimelineRow,
} from "./timeline-rows.ts";
import { timelineStyle } from "./timeline-style.ts";

export interface TimelineOptions {
  /** Default "Timeline of a simulated disk". */
  readonly title?: string;
  /** Lines to say first: the property that was violated, the command that replays the run. */
  readonly notes?: readonly string[];
}

const defaultTitle = "Timeline of a simulated disk";

/**
 * Each call on the disks, in order, with what became of what it did: durable and by which sync, pending, kept, torn or
 * lost in the crash at the end. The disks must keep a trace (the default); with `trace: "all"` reads are told as well.
 */
export function timelineText(
  lives: readonly TimelineLife[],
  { title = defaultTitle, notes = [] }: TimelineOptions = {},
): string {
  const sections = lives.map((life, at) => textOfLife(reportOf(life, at)));
  return `${[[title, ...notes].map(printable).join("\n"), ...sections].join("\n\n")}\n`;
}

function textOfLife({ title, facts, rows, counts, files }: LifeReport): string {
  const cells = rows.map(({ number, operation, target, range, fault, marks }) => [
    number.padStart(6),
    operation,
    range === "" ? target : `${target} ${range}`,
    [fault === "" ? "" : `(${fault})`, ...marks.map(({ text }) => text)]
      .filter((text) => text !== "")
      .join("; "),
  ]);
  const widths = [0, 1, 2].map((column) =>
    Math.min(60, Math.max(0, ...cells.map((row) => (row[column] as string).length))),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const summary = counts.map(({ fate, count }) => `${count} ${fate}`).join(", ") || "no effects";
  const changed = files.filter(({ before, after }) => before !== after).map(fileText);
  return [`${title}: ${facts.join("; ")}`, ...lines, `${summary}`, ...changed]
    .map(printable)
    .join("\n");
}

function fileText(line: FileLine): string {
  return `${line.path}: ${sizeText(line.before)} -> ${sizeText(line.after)}`;
}

function sizeText(bytes: number | undefined): string {
  return bytes === undefined ? "none" : `${bytes} bytes`;
}

// A path may hold what a terminal would obey.
function printable(line: string): string {
  return line.replace(/\p{C}/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * The same as a page of HTML that needs nothing else: no script, no font, no request, and every text escaped.
 */
export function timelineHtml(
  lives: readonly TimelineLife[],
  { title = defaultTitle, notes = [] }: TimelineOptions = {},
): string {
  const sections = lives.map((life, at) => sectionOf(reportOf(life, at)));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${timelineStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>\n`).join("")}${legend()}
${sections.join("\n")}
</body>
</html>
`;
}

function legend(): string {
  const meanings: readonly (readonly [TimelineMark["fate"], string])[] = [
    ["durable", "a sync made it safe"],
    ["pending", "visible, not yet safe"],
    ["kept", "was not safe, survived the crash"],
    ["torn", "survived in part"],
    ["lost", "did not survive the crash"],
    ["forgotten", "a failed sync gave it up"],
    ["gone", "its file has no name any more"],
  ];
  const items = meanings.map(
    ([fate, meaning]) => `<li>${badge({ fate, text: fate })} ${escapeHtml(meaning)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

function sectionOf({ title, facts, rows, counts, files }: LifeReport): string {
  const summary = counts.map(({ fate, count }) => badge({ fate, text: `${count} ${fate}` }));
  return `<section>
<h2>${escapeHtml(title)}</h2>
<p class="facts">${facts.map((fact) => `<span>${escapeHtml(fact)}</span>`).join(" ")}</p>
<p>${summary.join(" ")}</p>
<table>
<thead><tr><th>call</th><th>operation</th><th>file</th><th>bytes</th><th>result</th><th>what became of it</th></tr></thead>
<tbody>
${rows.map(rowHtml).join("\n")}
</tbody>
</table>
${filesHtml(files)}
</section>`;
}

function rowHtml({ number, operation, target, range, result, fault, marks }: TimelineRow): string {
  const struck = fault === "" ? "" : ` <span class="fault">${escapeHtml(fault)}</span>`;
  const kind = marks.some(({ fate }) => fate === "failed") ? "failed" : (marks[0]?.fate ?? "none");
  const cells = [
    `<td class="number">${escapeHtml(number)}</td>`,
    `<td>${escapeHtml(operation)}</td>`,
    `<td class="path">${escapeHtml(target)}</td>`,
    `<td class="range">${escapeHtml(range)}</td>`,
    `<td>${escapeHtml(result)}${struck}</td>`,
    `<td>${marks.map(badge).join(" ")}</td>`,
  ];
  return `<tr class="row-${kind}">${cells.join("")}</tr>`;
}

function filesHtml(files: readonly FileLine[]): string {
  const rows = files.map(({ path, before, after }) => {
    const kind = after === undefined ? "lost" : before === after ? "same" : "changed";
    const cells = [path, sizeText(before), sizeText(after)].map(
      (text) => `<td>${escapeHtml(text)}</td>`,
    );
    return `<tr class="file-${kind}">${cells.join("")}</tr>`;
  });
  return `<details open><summary>Files before and after the end</summary>
<table class="files"><thead><tr><th>file</th><th>before</th><th>after</th></tr></thead>
<tbody>${rows.join("")}</tbody></table></details>`;
}

function badge({ fate, text }: TimelineMark): string {
  return `<span class="mark ${fate}">${escapeHtml(text)}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
