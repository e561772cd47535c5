// Draws routes and airports as an SVG map of the world: great circles on a Natural Earth projection.

import { placeLabels } from "./labels.js";
import { greatCircle, outlinePath, project, splitAtEdge, world } from "./projection.js";

const width = 2400;
const margin = 70;
const titleHeight = 150;
const scale = (width - 2 * margin) / world.width;
const height = Math.round((world.top - world.bottom) * scale + titleHeight + margin * 1.5);

// Short routes are warm and on top, long ones cool and below, so that neither hides the other.
const bands = [
  { milesMax: 500, colour: "#ffd27a", opacity: 0.2, label: "to 800 km" },
  { milesMax: 1500, colour: "#ff8f6b", opacity: 0.16, label: "to 2,400 km" },
  { milesMax: 3500, colour: "#d65db1", opacity: 0.17, label: "to 5,600 km" },
  { milesMax: Number.POSITIVE_INFINITY, colour: "#5a7dff", opacity: 0.2, label: "longer" },
];

/** The whole SVG; `airports` by key with `lat`, `lon`, `city`, `code`, `degree`; `routes` with `from`, `to`, `miles`. */
export function drawMap({ airports, routes }) {
  const merged = mergeDirections(routes);
  const best = [...airports.values()].sort((a, b) => b.degree - a.degree).slice(0, 10);
  const outline = `${toPath(outlinePath().map(toCanvas))}Z`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif">`,
    `<title>Air routes of the world</title>`,
    definitions(outline),
    `<rect width="${width}" height="${height}" fill="#05070f"/>`,
    `<path d="${outline}" fill="url(#sea)" stroke="#3d4f7d" stroke-opacity=".55"/>`,
    '<g clip-path="url(#edge)">',
    graticule(),
    ...[...bands].reverse().map((band) => routeLayer(band, merged, airports)),
    airportLayer(airports),
    "</g>",
    labelLayer(best),
    caption(airports.size, routes.length, merged.length),
    "</svg>\n",
  ].join("\n");
}

function definitions(outline) {
  return `<defs><clipPath id="edge"><path d="${outline}"/></clipPath><radialGradient id="sea" cx=".5" cy=".42" r=".62"><stop offset="0" stop-color="#101a33"/><stop offset="1" stop-color="#080d1c"/></radialGradient><radialGradient id="glow"><stop offset="0" stop-color="#fff3d0" stop-opacity=".75"/><stop offset=".35" stop-color="#ffdd99" stop-opacity=".22"/><stop offset="1" stop-color="#ffdd99" stop-opacity="0"/></radialGradient></defs>`;
}

/** Both directions of a route are one line. */
function mergeDirections(routes) {
  const merged = new Map();
  for (const route of routes) {
    const [a, b] = route.from < route.to ? [route.from, route.to] : [route.to, route.from];
    merged.set(`${a} ${b}`, { from: a, to: b, miles: route.miles });
  }
  return [...merged.values()];
}

function routeLayer(band, routes, airports) {
  const milesMin = bands[bands.indexOf(band) - 1]?.milesMax ?? 0;
  const paths = routes
    .filter(({ miles }) => miles > milesMin && miles <= band.milesMax)
    .map(({ from, to, miles }) => {
      // A bend shows only on a long line: points by distance keep the file small.
      const points = greatCircle(airports.get(from), airports.get(to), Math.ceil(miles / 220));
      return `<path d="${splitAtEdge(points)
        .map((part) => toPath(part.map(project).map(toCanvas)))
        .join("")}"/>`;
    });
  return `<g fill="none" stroke="${band.colour}" stroke-opacity="${band.opacity}" stroke-width=".8" stroke-linecap="round">${paths.join("\n")}</g>`;
}

function airportLayer(airports) {
  const dots = [...airports.values()]
    .sort((a, b) => a.degree - b.degree)
    .map((airport) => {
      const [x, y] = toCanvas(project(airport));
      return `<circle cx="${x}" cy="${y}" r="${radius(airport).toFixed(1)}"/>`;
    });
  return `<g fill="#fff7e0" fill-opacity=".85">${dots.join("\n")}</g>`;
}

function radius({ degree }) {
  return 0.5 + Math.sqrt(degree) * 0.2;
}

function labelLayer(best) {
  const marks = best.map((airport) => {
    const [x, y] = toCanvas(project(airport));
    return {
      x,
      y,
      radius: radius(airport),
      text: airport.city,
      detail: `${airport.code} · ${airport.degree}`,
    };
  });
  const glows = marks.map(
    ({ x, y, radius }) => `<circle cx="${x}" cy="${y}" r="${radius * 5}" fill="url(#glow)"/>`,
  );
  const labels = placeLabels(marks).map(({ mark, box, anchor }) => {
    const [ax, ay] = anchor;
    const text = `<tspan font-weight="600" fill="#fff">${escapeXml(mark.text)}</tspan><tspan dx="8" font-size="15" fill="#c9d4f2">${escapeXml(mark.detail)}</tspan>`;
    return (
      `<path d="M${mark.x} ${mark.y}L${ax} ${ay}" stroke="#fff" stroke-opacity=".55" stroke-width="1"/>` +
      `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="6" fill="#05070f" fill-opacity=".72"/>` +
      `<text x="${box.x + box.width / 2}" y="${box.y + box.height - 8}" font-size="19" text-anchor="middle">${text}</text>`
    );
  });
  return `<g>${glows.join("")}${labels.join("\n")}</g>`;
}

function caption(airportCount, routeCount, pairCount) {
  const count = (number) => number.toLocaleString("en");
  const legend = bands.map(({ colour, label }, at) => {
    const x = width - margin - 640 + at * 165;
    return `<path d="M${x} 88h34" stroke="${colour}" stroke-width="4" stroke-linecap="round"/><text x="${x + 44}" y="94" font-size="17" fill="#aab6d6">${label}</text>`;
  });
  return `<g><text x="${margin}" y="84" font-size="44" font-weight="700" fill="#fff">Air routes of the world</text><text x="${margin}" y="120" font-size="20" fill="#aab6d6">${count(airportCount)} airports, ${count(routeCount)} routes between ${count(pairCount)} pairs of them, read back from a varve database. Data: Kelvin R. Lawrence, air-routes, Apache-2.0.</text>${legend.join("")}</g>`;
}

function graticule() {
  const lines = [];
  for (let lon = -150; lon <= 150; lon += 30) {
    lines.push(sequence(-90, 90, 5).map((lat) => ({ lat, lon })));
  }
  for (let lat = -60; lat <= 60; lat += 30) {
    lines.push(sequence(-180, 180, 10).map((lon) => ({ lat, lon })));
  }
  const d = lines.map((line) => toPath(line.map(project).map(toCanvas))).join("");
  return `<path d="${d}" fill="none" stroke="#8fa6dd" stroke-opacity=".13"/>`;
}

function sequence(from, to, step) {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, at) => from + at * step);
}

function toCanvas([x, y]) {
  return [round(width / 2 + x * scale), round(titleHeight + margin / 2 + (world.top - y) * scale)];
}

function toPath(points) {
  return points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function escapeXml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
