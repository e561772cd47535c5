// The geometry of the map: great circles on the sphere, and the Natural Earth projection of Tom Patterson in the
// polynomial form of Šavrič, Jenny, Patterson, Petrovič and Hurni (2011).

const radians = Math.PI / 180;

/** Projects `{ lat, lon }` in degrees to [x, y], y upwards, in the units of `world`. */
export function project({ lat, lon }) {
  const phi = lat * radians;
  const phi2 = phi * phi;
  const phi4 = phi2 * phi2;
  const x =
    0.8707 - 0.131979 * phi2 + phi4 * (-0.013791 + phi4 * (0.003971 * phi2 - 0.001529 * phi4));
  const y =
    phi * (1.007226 + phi2 * (0.015085 + phi4 * (-0.044475 + 0.028874 * phi2 - 0.005916 * phi4)));
  return [lon * radians * x, y];
}

// Nobody flies to the far south by timetable: leaving it out leaves more room for the rest.
const latMin = -64;

/** Extent of the part of the world that is shown, projected. */
export const world = {
  width: 2 * project({ lat: 0, lon: 180 })[0],
  top: project({ lat: 90, lon: 0 })[1],
  bottom: project({ lat: latMin, lon: 0 })[1],
};

/** The edge of the map, as projected points. */
export function outlinePath() {
  const pieces = 60;
  const side = Array.from({ length: pieces + 1 }, (_, at) => {
    return latMin + (at * (90 - latMin)) / pieces;
  });
  return [
    ...side.map((lat) => project({ lat, lon: -180 })),
    ...side.reverse().map((lat) => project({ lat, lon: 180 })),
  ];
}

/** Points `{ lat, lon }` along the shortest way between two places, both included, in `pieces` equal pieces. */
export function greatCircle(from, to, pieces) {
  const a = toVector(from);
  const b = toVector(to);
  const cosine = Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(cosine);
  // Opposite or equal places have no one great circle; the ends alone will do.
  if (Math.sin(angle) < 1e-6) return [from, to];
  const points = [];
  for (let at = 0; at <= pieces; at++) {
    const t = at / pieces;
    const s = Math.sin((1 - t) * angle) / Math.sin(angle);
    const u = Math.sin(t * angle) / Math.sin(angle);
    points.push(toPlace([0, 1, 2].map((axis) => s * a[axis] + u * b[axis])));
  }
  return points;
}

/** Cuts a line where it leaves the map at one edge and comes back at the other. */
export function splitAtEdge(points) {
  const parts = [[points[0]]];
  for (let at = 1; at < points.length; at++) {
    const before = points[at - 1];
    const after = points[at];
    if (Math.abs(after.lon - before.lon) > 180) {
      const edge = before.lon > 0 ? 180 : -180;
      const unwrapped = after.lon + 2 * edge;
      const t = unwrapped === before.lon ? 0 : (edge - before.lon) / (unwrapped - before.lon);
      const lat = before.lat + t * (after.lat - before.lat);
      parts[parts.length - 1].push({ lat, lon: edge });
      parts.push([{ lat, lon: -edge }]);
    }
    parts[parts.length - 1].push(after);
  }
  return parts;
}

function toVector({ lat, lon }) {
  const phi = lat * radians;
  const lambda = lon * radians;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

function toPlace([x, y, z]) {
  return { lat: Math.atan2(z, Math.hypot(x, y)) / radians, lon: Math.atan2(y, x) / radians };
}
