/** Scores by layer: a line a model, its interval, the layer chosen on eval, the oracle, and the layers as good. */

const RUG = 5;

/**
 * Models with scores on a data set, with their row if they have one.
 * @returns {Array<{model: string, curve: Object, row: Row|null}>}
 */
function curvesOf(dataset) {
  const rows = new Map(shownRows(dataset).map((row) => [row.model, row]));
  return shownModels([dataset]).flatMap((model) => {
    const row = rows.get(model.name) ?? null;
    const heads = row ? [row.head] : state.head ? [state.head] : report.heads;
    const curve = heads.map((head) => lookUp(curves, dataset.name, model.name, head)).find(Boolean);
    return curve ? [{ model: model.name, curve, row }] : [];
  });
}

/** @param {Dataset} dataset  @param {number} width  @param {boolean} large */
function layerChart(dataset, width, large) {
  const metric = metricOf(dataset);
  const found = curvesOf(dataset);
  const deep = found.filter(({ curve }) => curve.n_layers > 1);
  const flat = found.filter(({ curve }) => curve.n_layers === 1);
  const rugs = deep.filter(({ row }) => row && goodLayers(row).length > 0);
  const last = Math.max(1, ...found.map(({ curve }) => curve.n_layers - 1));
  const ceiling = dataset.ceiling[metric] ?? null;
  const drawn = found.flatMap(({ curve }) => [...(curve.scores[metric] ?? []).flat()]);
  const labelled = large && width > 560;
  const plot = axes({
    width,
    height: large ? Math.min(420, Math.max(260, width * 0.42)) : 216,
    xRange: [0, last],
    yRange: extent([...drawn, ceiling], 0.04),
    xTicks: layerTicks(last, Math.floor(width / 44)).map((layer) => [layer, String(layer)]),
    xLabel: "layer",
    rightMargin: labelled ? 170 : 12,
    under: rugs.length ? rugs.length * (RUG + 2) + 8 : 4,
  });
  const { chart: drawing, y } = plot;
  if (ceiling !== null) drawing.append(stroke(plot.left, y(ceiling), plot.right, y(ceiling), "ceiling"));
  for (const { model, curve } of flat) {
    const { value } = scoreAt(curve, metric, curve.layers[0]);
    if (value !== null)
      drawing.append(
        s("g", { vars: look(model) }, stroke(plot.left, y(value), plot.right, y(value), "series")),
      );
  }
  for (const entry of deep) drawing.append(bandOf(entry, metric, plot));
  for (const entry of deep) drawing.append(lineOf(entry, metric, plot));
  rugs.forEach((entry, index) => drawing.append(rugOf(entry, index, plot, last)));
  if (labelled) drawing.append(...endLabels(found, metric, ceiling, plot));
  return walkable(drawing, layerSpots(dataset, metric, found, plot), { column: [plot.top, plot.bottom] });
}

function bandOf({ model, curve }, metric, { x, y }) {
  const [, lows, highs] = curve.scores[metric] ?? [[], [], []];
  const points = curve.layers
    .map((layer, index) => [x(layer), lows[index], highs[index]])
    .filter(([, low, high]) => low !== null && high !== null);
  return s("g", { vars: look(model) }, band(points.map(([at, low, high]) => [at, y(low), y(high)])));
}

function lineOf({ model, curve, row }, metric, { x, y }) {
  const [values] = curve.scores[metric] ?? [[]];
  const points = curve.layers.map((layer, index) => [
    x(layer),
    values[index] === null ? null : y(values[index]),
  ]);
  const marks = [];
  if (row) {
    const { layer, test, oracle_layer: oracle, oracle_score: best } = row.choice;
    if (oracle !== null && best !== null) marks.push(ring(x(oracle), y(best), oracle === layer ? 9 : 4.5));
    if (test.value !== null) marks.push(star(x(layer), y(test.value)));
  }
  return s("g", { vars: look(model) }, path(points, "series"), marks);
}

/** A strip under the lines: which layers can't be told apart from the chosen one. */
function rugOf({ model, row }, index, { x, bottom }, last) {
  const half = Math.max(1.5, (x(1) - x(0)) / 2 - 0.75);
  const top = bottom - 4 - (index + 1) * (RUG + 2);
  return s(
    "g",
    { vars: look(model), class: "rug" },
    runs(goodLayers(row)).map(([first, end]) => {
      const [from, to] = [
        first === 0 ? x(0) - 4 : x(first) - half,
        end === last ? x(last) + 4 : x(end) + half,
      ];
      return stroke(from, top + RUG / 2, to, top + RUG / 2, "");
    }),
  );
}

/** Neighbouring layers as first and last of a run. */
function runs(layers) {
  const found = [];
  for (const layer of [...layers].sort((a, b) => a - b)) {
    if (found.length && found.at(-1)[1] === layer - 1) found.at(-1)[1] = layer;
    else found.push([layer, layer]);
  }
  return found;
}

/** Names right of the lines, so that a large chart needs no legend. */
function endLabels(found, metric, ceiling, { y, right, top, bottom }) {
  const ends = found.flatMap(({ model, curve }) => {
    const value = curve.layers
      .map((layer) => scoreAt(curve, metric, layer).value)
      .findLast((known) => known !== null);
    return value === undefined ? [] : [{ model, text: model, at: y(value) }];
  });
  if (ceiling !== null) ends.push({ model: "", text: `ceiling ${score(ceiling)}`, at: y(ceiling) });
  const heights = apart(
    ends.map((end) => end.at),
    15,
    top + 4,
    bottom - 8,
  );
  return ends.map(({ model, text, at }, index) =>
    s(
      "g",
      { vars: look(model) },
      path(
        [
          [right + 2, at],
          [right + 12, heights[index]],
          [right + 18, heights[index]],
        ],
        model ? "leader" : "leader plain",
      ),
      words(shortened(text, 145), right + 22, heights[index] + 4),
    ),
  );
}

function layerSpots(dataset, metric, found, { x, top }) {
  const layers = [...new Set(found.flatMap(({ curve }) => curve.layers))].sort((a, b) => a - b);
  return layers.map((layer) => ({
    x: x(layer),
    y: top,
    tell: () => [
      `${dataset.name}, layer ${layer}`,
      ...found.flatMap(({ model, curve, row }) => {
        const { value, low, high } = scoreAt(curve, metric, curve.n_layers === 1 ? curve.layers[0] : layer);
        if (value === null) return [];
        const chosen = curve.n_layers > 1 && row?.choice.layer === layer ? " ★" : "";
        const range = low === null ? "" : ` (${interval(low, high)})`;
        return [{ label: model + chosen, value: score(value) + range, model }];
      }),
    ],
  }));
}

/** What stands over a small panel: the data set, and what it says. */
function layerHeading(dataset) {
  const [best] = shownRows(dataset).filter((row) => row.place !== null);
  const says = best
    ? `${metricOf(dataset)} ${score(best.choice.test.value)} · ${best.model}${best.n_layers > 1 ? `, layer ${best.choice.layer}/${best.n_layers - 1}` : ""}`
    : `${metricOf(dataset)} · no score`;
  return h(
    "div",
    { class: "panel-head" },
    link(`data/${dataset.name}`, middleCut(dataset.name)),
    h("span", { class: "quiet" }, says),
  );
}

/** Every layer's numbers. */
function layerTable(among) {
  const rows = among.flatMap((dataset) => {
    const metric = metricOf(dataset);
    return curvesOf(dataset).flatMap(({ model, curve, row }) => {
      const good = row ? goodLayers(row) : [];
      return curve.layers.map((layer) => {
        const { value, low, high } = scoreAt(curve, metric, layer);
        const yes = (is) => (is ? "yes" : "no");
        return [
          dataset.name,
          model,
          curve.head,
          layer,
          metric,
          value,
          low,
          high,
          row ? yes(row.choice.layer === layer) : null,
          row ? yes(row.choice.oracle_layer === layer) : null,
          good.length ? yes(good.includes(layer)) : null,
        ];
      });
    });
  });
  return {
    columns: [
      "dataset",
      "model",
      "head",
      "layer",
      "metric",
      "value",
      "low",
      "high",
      "chosen",
      "oracle",
      "as_good",
    ],
    rows,
  };
}
