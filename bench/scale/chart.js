// Draws what the scale runs in bench/results found as one SVG over the number of edges: rate, memory, disk, opens.
// `node bench/scale/chart.js` draws it again from the reports that are there.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rateText } from "../table.js";
import { shortCount } from "./options.js";

const width = 960;
const height = 720;
const plot = { width: 370, height: 210, left: 80, top: 70, acrossStep: 470, downStep: 320 };
const colors = ["#1b6ca8", "#d1495b", "#66a182"];

const panels = [
  {
    title: "edges written a second",
    format: rateText,
    series: [
      ["mean", ({ ingest }) => ingest.edgesPerSecond],
      ["first slice", ({ ingest }) => ingest.slices[0].perSecond],
      ["last slice", ({ ingest }) => ingest.slices.at(-1).perSecond],
    ],
  },
  {
    title: "resident memory at most, MiB",
    format: (value) => value.toFixed(0),
    series: [
      ["ingest", ({ ingest }) => ingest.residentMaxBytes / 2 ** 20],
      ["clean open", ({ open }) => open.residentMaxBytes / 2 ** 20],
    ],
  },
  {
    title: "bytes an edge on disk",
    format: (value) => value.toFixed(0),
    series: [
      ["log and indexes", ({ ingest }) => ingest.bytesPerEdge.total],
      ["log", ({ ingest }) => ingest.bytesPerEdge.log],
    ],
  },
  {
    title: "open, ms",
    format: (value) => value.toFixed(0),
    series: [
      ["clean", ({ open }) => open.medianMs],
      ["after a kill", ({ kills }) => Math.max(...kills.map(({ openMs }) => openMs))],
    ],
  },
];

/** Writes scale.svg (by keys) and scale-ids.svg (by ids) from the reports in a folder, where there are any. */
export function drawCharts(folder) {
  const reports = readdirSync(folder)
    .filter((name) => /^scale-.*\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
  for (const by of ["keys", "ids"]) {
    const ofThese = reports
      .filter(({ settings, wrong }) => settings.by === by && wrong.length === 0)
      .sort((a, b) => a.settings.edgeCount - b.settings.edgeCount);
    if (ofThese.length > 0)
      writeFileSync(join(folder, by === "keys" ? "scale.svg" : "scale-ids.svg"), svg(ofThese));
  }
}

function svg(reports) {
  const { machine, settings } = reports.at(-1);
  const subtitle =
    `R-MAT edges by ${settings.by}, durability "os", memory budget ${settings.memoryBudget / 2 ** 20} MiB; ` +
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="20" y="24" font-size="16" font-weight="bold">varve over size</text>
<text x="20" y="42" fill="#555555">${escaped(subtitle)}</text>
${panels.map((panel, i) => drawPanel(panel, i, reports)).join("\n")}
</svg>
`;
}

function drawPanel({ title, format, series }, position, reports) {
  const left = plot.left + (position % 2) * plot.acrossStep;
  const top = plot.top + 20 + Math.floor(position / 2) * plot.downStep;
  const sizes = reports.map(({ settings }) => settings.edgeCount);
  const lines = series.map(([name, figure]) => ({ name, values: reports.map(figure) }));
  const most = niceMax(Math.max(...lines.flatMap(({ values }) => values.filter(Number.isFinite))));
  const lowest = Math.log10(Math.min(...sizes));
  const range = Math.log10(Math.max(...sizes)) - lowest;
  // A single size stands in the middle.
  const x = (size) => left + plot.width * (range === 0 ? 0.5 : (Math.log10(size) - lowest) / range);
  const y = (value) => top + plot.height * (1 - value / most);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * most);
  return [
    text(left, top - 12, title, 'font-weight="bold"'),
    ...ticks.map(
      (tick) =>
        `<path d="M${left} ${round(y(tick))}h${plot.width}" stroke="#dddddd"/>` +
        text(left - 8, y(tick) + 4, format(tick), 'text-anchor="end" fill="#555555"'),
    ),
    ...sizes.map((size) =>
      text(
        x(size),
        top + plot.height + 18,
        shortCount(size),
        'text-anchor="middle" fill="#555555"',
      ),
    ),
    ...lines.map(({ name, values }, i) => drawLine(name, values, sizes, { x, y, left, top }, i)),
  ].join("\n");
}

function drawLine(name, values, sizes, { x, y, left, top }, i) {
  const color = colors[i];
  const points = values
    .map((value, at) => ({ value, x: round(x(sizes[at])), y: round(y(value)) }))
    .filter(({ value }) => Number.isFinite(value));
  const path = points.map((point) => `${point.x},${point.y}`).join(" ");
  const dots = points.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="3.5"/>`).join("");
  const legendX = left + i * 125;
  const legendY = top + plot.height + 40;
  return (
    `<g fill="${color}"><polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots}` +
    `<rect x="${legendX}" y="${legendY - 9}" width="10" height="10"/></g>` +
    text(legendX + 15, legendY, name)
  );
}

function text(x, y, content, attributes = "") {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;
}

// The next 1, 2, 4 or 8 times a power of ten: four steps of it are round numbers too.
function niceMax(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((limit) => limit >= value) ?? value;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(content) {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  drawCharts(fileURLToPath(new URL("../results", import.meta.url)));
