/** Axes, and the marks that charts share. */

/**
 * @typedef {Object} Plot
 * @property {SVGSVGElement} chart
 * @property {(value: number) => number} x
 * @property {(value: number) => number} y
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 */

/**
 * A chart with horizontal grid lines and ticks on both axes.
 *
 * @param {Object} about
 * @param {number} about.width
 * @param {number} about.height
 * @param {[number, number]} about.xRange
 * @param {[number, number]} about.yRange
 * @param {Array<[number, string]>} about.xTicks  places and words
 * @param {string} [about.xLabel]
 * @param {number} [about.rightMargin]
 * @param {number} [about.leftMargin]  at least so much room for the numbers at the left
 * @param {number} [about.under]  room between the lowest value and the axis
 * @param {(range: [number, number], span: [number, number]) => ((value: number) => number)} [about.xScale]
 * @returns {Plot}
 */
function axes({
  width,
  height,
  xRange,
  yRange,
  xTicks,
  xLabel = "",
  rightMargin = 12,
  leftMargin = 0,
  under = 0,
  xScale = linear,
}) {
  const values = ticks(yRange[0], yRange[1], Math.max(3, Math.round(height / 45)));
  const texts = tickText(values);
  const left = Math.max(leftMargin, Math.ceil(Math.max(...texts.map((text) => textWidth(text, 11)), 18)) + 8);
  const [right, top, bottom] = [width - rightMargin, 10, height - (xLabel ? 36 : 20)];
  const y = linear(yRange, [bottom - under, top]);
  const x = xScale(xRange, [left + 6, right - 6]);
  const drawing = chart(width, height);
  values.forEach((value, index) => {
    drawing.append(
      stroke(left, y(value), right, y(value), "grid"),
      words(texts[index], left - 6, y(value) + 4, { anchor: "end", kind: "tick" }),
    );
  });
  drawing.append(stroke(left, bottom, right, bottom, "axis"));
  for (const [value, text] of xTicks)
    drawing.append(words(text, x(value), bottom + 15, { anchor: "middle", kind: "tick" }));
  if (xLabel)
    drawing.append(words(xLabel, (left + right) / 2, height - 6, { anchor: "middle", kind: "tick" }));
  return { chart: drawing, x, y, left, right, top, bottom };
}

/** A line through points, broken where a value is not known. @param {Array<[number, number|null]>} points */
function path(points, kind) {
  let [drawing, open] = ["", false];
  for (const [x, y] of points) {
    if (y === null || Number.isNaN(y)) {
      open = false;
    } else {
      drawing += `${open ? "L" : "M"}${place(x)} ${place(y)}`;
      open = true;
    }
  }
  return s("path", { d: drawing, class: kind });
}

/** The area between two lines. @param {Array<[number, number, number]>} points  x, lower and upper y */
function band(points) {
  const there = points.map(([x, y]) => `${place(x)} ${place(y)}`);
  const back = [...points].reverse().map(([x, , y]) => `${place(x)} ${place(y)}`);
  return points.length > 1 ? s("path", { d: `M${[...there, ...back].join("L")}Z`, class: "band" }) : null;
}

/** ★ */
function star(x, y, size = 7) {
  const corners = Array.from({ length: 10 }, (_, index) => {
    const [radius, angle] = [index % 2 ? size * 0.42 : size, (Math.PI * index) / 5];
    return `${place(x + radius * Math.sin(angle))} ${place(y - radius * Math.cos(angle))}`;
  });
  return s("path", { d: `M${corners.join("L")}Z`, class: "star" });
}

/** ○ */
function ring(x, y, radius = 4) {
  return s("circle", { cx: place(x), cy: place(y), r: radius, class: "ring" });
}

/** Heights for labels that don't meet: as near as can be to where they belong. */
function apart(wanted, room, low, high) {
  const order = wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y);
  let last = low - room;
  for (const label of order) last = label.y = Math.max(label.y, last + room);
  let next = high + room;
  for (const label of order.reverse()) next = label.y = Math.min(label.y, next - room);
  const found = [];
  for (const { y, index } of order) found[index] = y;
  return found;
}
