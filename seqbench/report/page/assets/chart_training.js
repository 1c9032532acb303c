/** How heads were trained: loss by epoch, and score by number of training items. */

/** Learning curves of a data set that belong to the shown rows. */
function learningOf(dataset) {
  return report.learning.filter(
    (curve) =>
      curve.dataset === dataset.name &&
      isShown(dataset, curve.model) &&
      (!state.head || curve.head === state.head),
  );
}

function learningChart(dataset, width, large) {
  const found = learningOf(dataset);
  const last = Math.max(...found.flatMap((curve) => curve.points.epoch), 1);
  const losses = found.flatMap((curve) => [...curve.points.train_loss, ...curve.points.eval_loss]);
  const plot = axes({
    width,
    height: large ? 280 : 190,
    xRange: [0, last],
    yRange: extent(losses),
    xTicks: layerTicks(last, Math.floor(width / 50)).map((epoch) => [epoch, String(epoch)]),
    xLabel: "epoch",
  });
  const { chart: drawing, x, y } = plot;
  const at = (value) => (value === null ? null : y(value));
  for (const { model, points, chosen_epoch: chosen } of found) {
    const line = (values, kind) =>
      path(
        points.epoch.map((epoch, index) => [x(epoch), at(values[index])]),
        kind,
      );
    const best = points.eval_loss[points.epoch.indexOf(chosen)] ?? null;
    drawing.append(
      s(
        "g",
        { vars: look(model) },
        line(points.train_loss, "series faint"),
        line(points.eval_loss, "series"),
        best === null ? null : s("circle", { cx: place(x(chosen)), cy: place(y(best)), r: 4, class: "dot" }),
      ),
    );
  }
  const epochs = [...new Set(found.flatMap((curve) => curve.points.epoch))].sort((a, b) => a - b);
  return walkable(
    drawing,
    epochs.map((epoch) => ({ x: x(epoch), y: plot.top, tell: () => epochLines(dataset, found, epoch) })),
    { column: [plot.top, plot.bottom] },
  );
}

function epochLines(dataset, found, epoch) {
  return [
    `${dataset.name}, epoch ${epoch}`,
    ...found.flatMap(({ model, points, chosen_epoch: chosen }) => {
      const index = points.epoch.indexOf(epoch);
      if (index < 0) return [];
      const value = `${score(points.train_loss[index])} · ${score(points.eval_loss[index])}`;
      return [{ label: `${model}${chosen === epoch ? " ●" : ""}, train · eval`, value, model }];
    }),
  ];
}

function learningTable(among) {
  return {
    columns: [
      "dataset",
      "model",
      "head",
      "layer",
      "seed",
      "epoch",
      "train_loss",
      "eval_loss",
      "eval_score",
      "chosen",
    ],
    rows: among.flatMap((dataset) =>
      learningOf(dataset).flatMap(({ points, ...curve }) =>
        points.epoch.map((epoch, index) => [
          dataset.name,
          curve.model,
          curve.head,
          curve.layer,
          curve.seed,
          epoch,
          points.train_loss[index],
          points.eval_loss[index],
          points.eval_score[index],
          curve.chosen_epoch === epoch ? "yes" : "no",
        ]),
      ),
    ),
  };
}

/** Curves of a data set by the metric that is shown. */
function efficiencyOf(dataset) {
  return report.efficiency.filter(
    (curve) =>
      curve.dataset === dataset.name &&
      curve.metric === metricOf(dataset) &&
      isShown(dataset, curve.model) &&
      (!state.head || curve.head === state.head),
  );
}

/** Equal steps for equal factors. */
function logarithmic([from, to], span) {
  const scale = linear([Math.log(from), Math.log(to)], span);
  return (value) => scale(Math.log(value));
}

function efficiencyChart(dataset, width, large) {
  const found = efficiencyOf(dataset);
  const sizes = [...new Set(found.flatMap((curve) => curve.points.map((point) => point.n_train)))].sort(
    (a, b) => a - b,
  );
  const ends = found.flatMap((curve) =>
    curve.points.flatMap(({ value, std }) => [
      value,
      value === null ? null : value - (std ?? 0),
      value === null ? null : value + (std ?? 0),
    ]),
  );
  const range = [sizes[0], Math.max(sizes.at(-1), sizes[0] + 1)];
  const plot = axes({
    width,
    height: large ? 280 : 190,
    xRange: range,
    yRange: extent(ends),
    xLabel: "training items",
    xScale: logarithmic,
    xTicks: sizeTicks(sizes, logarithmic(range, [52, width - 18])),
  });
  const { chart: drawing, x, y } = plot;
  for (const { model, points } of found) {
    const known = points.filter((point) => point.value !== null);
    const spread = known
      .filter((point) => point.std !== null)
      .map((point) => [x(point.n_train), y(point.value - point.std), y(point.value + point.std)]);
    drawing.append(
      s(
        "g",
        { vars: look(model) },
        band(spread),
        path(
          known.map((point) => [x(point.n_train), y(point.value)]),
          "series",
        ),
        known.map((point) =>
          s("circle", { cx: place(x(point.n_train)), cy: place(y(point.value)), r: 3, class: "dot" }),
        ),
      ),
    );
  }
  return walkable(
    drawing,
    sizes.map((size) => ({ x: x(size), y: plot.top, tell: () => sizeLines(dataset, found, size) })),
    { column: [plot.top, plot.bottom] },
  );
}

/** Sizes that have room for their words. */
function sizeTicks(sizes, x) {
  let free = -Infinity;
  return sizes
    .map((size) => [size, grouped(size)])
    .filter(([size, text]) => {
      const half = textWidth(text, 11) / 2 + 4;
      if (x(size) - half < free) return false;
      free = x(size) + half;
      return true;
    });
}

function sizeLines(dataset, found, size) {
  return [
    `${dataset.name}, ${counted(size, "training item")}`,
    ...found.flatMap(({ model, points }) => {
      const point = points.find((entry) => entry.n_train === size);
      return point
        ? [
            {
              label: model,
              value: `${score(point.value)}${point.std === null ? "" : ` ± ${score(point.std)}`}`,
              model,
            },
          ]
        : [];
    }),
  ];
}

function efficiencyTable(among) {
  return {
    columns: ["dataset", "model", "head", "metric", "subset", "n_train", "layer", "value", "std", "n_probes"],
    rows: among.flatMap((dataset) =>
      efficiencyOf(dataset).flatMap((curve) =>
        curve.points.map((point) => [
          dataset.name,
          curve.model,
          curve.head,
          curve.metric,
          point.subset,
          point.n_train,
          point.layer,
          point.value,
          point.std,
          point.n_probes,
        ]),
      ),
    ),
  };
}
