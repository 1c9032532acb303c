/** Frozen, LoRA and full: score against trained parameters; and what training changed, layer by layer. */

const WAY_NAMES = { frozen: "frozen", lora: "LoRA", full: "full" };

/** Ways of a data set's models that are shown, the least trained first. */
function waysOf(dataset) {
  return report.ways.filter((way) => way.dataset === dataset.name && isShown(dataset, way.model));
}

function waysChart(dataset, width, large) {
  const found = waysOf(dataset).filter((way) => way.test[0] !== null);
  const sizes = found.map((way) => way.trained_parameters).filter(Boolean);
  const range = [Math.min(...sizes, 1e9) / 4, Math.max(...sizes, 2) * 4];
  const [first, last] = [Math.ceil(Math.log10(range[0])), Math.floor(Math.log10(range[1]))];
  const step = last - first < 5 ? 1 : 2;
  const powers = Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => 10 ** (first + index * step));
  const plot = axes({
    width,
    height: large ? 300 : 210,
    xRange: range,
    yRange: extent(found.flatMap((way) => way.test), 0.08),
    xLabel: "trained parameters",
    xScale: logarithmic,
    xTicks: powers.map((power) => [power, shortCount(power)]),
  });
  const { chart: drawing, x, y } = plot;
  const across = (way) => (way.trained_parameters ? x(way.trained_parameters) : plot.left + 5);
  const spots = [];
  for (const model of new Set(found.map((way) => way.model))) {
    const ways = found.filter((way) => way.model === model);
    const line = ways.map((way) => [across(way), y(way.test[0])]);
    drawing.append(s("g", { vars: look(model) }, path(line, "series"), ways.map((way) => wayMark(way, across(way), y))));
    spots.push(...ways.map((way) => ({ x: across(way), y: y(way.test[0]), tell: () => wayLines(way) })));
  }
  return walkable(drawing, spots);
}

/** A circle, a diamond or a square with its interval; hollow where it can't be told from the frozen model. */
function wayMark(way, x, y) {
  const [value, low, high] = way.test;
  const [at, unsure] = [y(value), way.over_frozen !== null && way.over_frozen.clear !== true];
  const half = 4.2;
  const settings = { class: unsure ? "dot hollow" : "dot" };
  const corners = { lora: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], full: [[-1, -1], [1, -1], [1, 1], [-1, 1]] }[way.way];
  const points = corners?.map(([dx, dy]) => `${place(x + dx * half)} ${place(at + dy * half)}`).join("L");
  return [
    low === null ? null : stroke(x, y(low), x, y(high), "whisker"),
    points
      ? s("path", { ...settings, d: `M${points}Z` })
      : s("circle", { ...settings, cx: place(x), cy: place(at), r: half }),
  ];
}

function wayLines(way) {
  const [value, low, high] = way.test;
  return [
    `${way.model} on ${way.dataset}, ${WAY_NAMES[way.way]}`,
    { label: way.metric, value: `${score(value)}${low === null ? "" : ` (${interval(low, high)})`}` },
    ...(way.over_frozen ? [{ label: "over frozen", value: signed(way.over_frozen.difference) }] : []),
    { label: "trained parameters", value: grouped(way.trained_parameters) },
  ];
}

/** A count in few letters: 800, 8k, 1.2M. */
function shortCount(number) {
  if (number === null) return NONE;
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (number >= size) return `${Number((number / size).toFixed(1))}${unit}`;
  }
  return String(number);
}

/** @param {Object} change  a trained model and the one it began with, on a data set */
function changeChart(change, width, large) {
  const upper = large ? 220 : 160;
  const lower = 96;
  const last = Math.max(1, ...change.layers.map(({ layer }) => layer));
  const ticked = layerTicks(last, Math.floor(width / 44)).map((layer) => [layer, String(layer)]);
  const ends = change.layers.flatMap(({ before, after }) => [...before, ...after]);
  const differences = extent([0, ...change.layers.flatMap(({ difference, low, high }) => [difference, low, high])]);
  const halves = [
    { height: upper, yRange: extent(ends), xTicks: [] },
    { height: lower, yRange: differences, xTicks: ticked, xLabel: "layer" },
  ].map((half) => ({ width, xRange: [0, last], ...half }));
  const leftMargin = Math.max(...halves.map((half) => axes(half).left));
  const [top, below] = halves.map((half) => axes({ ...half, leftMargin }));
  for (const [name, key] of [[change.base, "before"], [change.model, "after"]]) {
    const points = change.layers.map((one) => [top.x(one.layer), ...one[key]]);
    const known = points.filter(([, , low, high]) => low !== null && high !== null);
    top.chart.append(
      s(
        "g",
        { vars: look(name) },
        band(known.map(([at, , low, high]) => [at, top.y(low), top.y(high)])),
        path(points.map(([at, value]) => [at, value === null ? null : top.y(value)]), "series"),
      ),
    );
  }
  below.chart.append(stroke(below.left, below.y(0), below.right, below.y(0), "zero"));
  const spots = [];
  const drawing = chart(width, upper + lower);
  for (const one of change.layers) {
    const at = below.x(one.layer);
    below.chart.append(
      s(
        "g",
        { vars: look(change.model) },
        one.low === null ? null : stroke(at, below.y(one.low), at, below.y(one.high), "whisker"),
        s("circle", { cx: place(at), cy: place(below.y(one.difference)), r: 3.6, class: one.clear ? "dot" : "dot hollow" }),
      ),
    );
    spots.push({ x: at, y: 10, tell: () => changeLines(change, one) });
  }
  drawing.append(...top.chart.childNodes, s("g", { transform: `translate(0 ${upper})` }, ...below.chart.childNodes));
  return walkable(drawing, spots, { column: [10, upper + lower - 36] });
}

function changeLines(change, { layer, before, after, difference, low, high, p_holm }) {
  return [
    `${change.dataset}, layer ${layer}`,
    { label: change.base, value: score(before[0]), model: change.base },
    { label: change.model, value: score(after[0]), model: change.model },
    { label: "difference", value: `${signed(difference)}${low === null ? "" : ` (${interval(low, high, signed)})`}` },
    ...(p_holm === null ? [] : [{ label: "p (Holm)", value: probability(p_holm) }]),
  ];
}
