// Places labels near their marks so that none lies on another or on a mark.

const height = 28;
const rings = [26, 44, 64, 88, 116, 150];
const directions = 16;

/** For each mark `{ x, y, radius, text, detail }` a box and the point where the line from the mark meets it. */
export function placeLabels(marks) {
  const taken = marks.map(({ x, y, radius }) => ({
    x: x - radius,
    y: y - radius,
    width: 2 * radius,
    height: 2 * radius,
  }));
  const centre = {
    x: marks.reduce((sum, mark) => sum + mark.x, 0) / marks.length,
    y: marks.reduce((sum, mark) => sum + mark.y, 0) / marks.length,
  };
  return marks.map((mark) => {
    const box = candidates(mark, marks, centre).find((candidate) =>
      taken.every((other) => !overlap(candidate, other)),
    );
    taken.push(box);
    const anchor = [
      Math.round(Math.min(Math.max(mark.x, box.x), box.x + box.width)),
      Math.round(Math.min(Math.max(mark.y, box.y), box.y + box.height)),
    ];
    return { mark, box, anchor };
  });
}

// Away from the nearest other marks first, so that lines to the labels do not cross.
function candidates(mark, marks, centre) {
  const near = marks.filter(
    (other) => other !== mark && Math.hypot(other.x - mark.x, other.y - mark.y) < 160,
  );
  const from = near.length === 0 ? centre : average(near);
  const away = Math.atan2(mark.y - from.y, mark.x - from.x);
  const width = Math.round(mark.text.length * 12.4 + mark.detail.length * 9.2 + 26);
  return rings.flatMap((distance) =>
    Array.from({ length: directions }, (_, at) => {
      const turn = ((at % 2 === 0 ? 1 : -1) * Math.ceil(at / 2) * 2 * Math.PI) / directions;
      const x = mark.x + Math.cos(away + turn) * distance;
      const y = mark.y + Math.sin(away + turn) * distance;
      const isLeft = Math.cos(away + turn) < 0;
      return {
        x: Math.round(isLeft ? x - width : x),
        y: Math.round(y - height / 2),
        width,
        height,
      };
    }),
  );
}

function average(marks) {
  return {
    x: marks.reduce((sum, { x }) => sum + x, 0) / marks.length,
    y: marks.reduce((sum, { y }) => sum + y, 0) / marks.length,
  };
}

function overlap(a, b) {
  const gap = 4;
  return (
    a.x < b.x + b.width + gap &&
    b.x < a.x + a.width + gap &&
    a.y < b.y + b.height + gap &&
    b.y < a.y + a.height + gap
  );
}
