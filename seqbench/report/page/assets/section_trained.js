/** Whether training a model is worth it: frozen, LoRA and full beside each other, and what training changed. */

function trainedSection() {
  const among = shownDatasets().filter((dataset) => waysOf(dataset).length);
  const changes = report.changes.filter((change) => {
    const dataset = datasets.get(change.dataset);
    return dataset && shownDatasets().includes(dataset) && isShown(dataset, change.model);
  });
  if (!among.length && !changes.length) return null;
  return section(
    "trained",
    "Frozen, LoRA, full",
    among.length ? waysBlock(among) : null,
    changes.length ? changesBlock(changes) : null,
  );
}

function waysBlock(among) {
  const names = [...new Set(among.flatMap(waysOf).map((way) => way.model))];
  return [
    note(
      "Each way to use a model on the same test items, by the data set's ranking metric. The gain is over the best probe of the " +
        "frozen model, head and layer chosen on eval, with its paired 95 % interval and p after Holm's correction; ranks are among " +
        "models that are used alike. Time is that of one seed; of a frozen model it is embedding, and the head on all layers.",
    ),
    wayTable(among),
    figureBlock({
      name: "trained",
      title: "Score by trained parameters",
      note: "● frozen, by the parameters of its head · ◆ LoRA · ■ full · hollow: can't be told apart from the frozen model",
      models: names,
      panels: perDataset(among, (dataset) => `Score by trained parameters on ${dataset.name}`, waysChart, 210),
      table: () => waysTable(among),
    }),
  ];
}

const WAY_COLUMNS = [
  "dataset", "metric", "model", "way", "head", "layer", "score", "low", "high", "folds_mean", "folds_std", "rank", "gain", "gain_low", "gain_high",
  "p_holm", "trained_parameters", "seconds", "device", "peak_memory_bytes",
];

function waysTable(among) {
  return {
    columns: WAY_COLUMNS,
    rows: among.flatMap(waysOf).map((way) => [
      way.dataset, way.metric, way.model, way.way, way.head, way.layer, ...way.test, way.folds?.mean ?? null, way.folds?.std ?? null, way.rank,
      way.over_frozen?.difference ?? null, way.over_frozen?.low ?? null, way.over_frozen?.high ?? null,
      way.over_frozen?.p_holm ?? null, way.trained_parameters, way.seconds, way.device, way.peak_memory_bytes,
    ]),
  };
}

function wayTable(among) {
  const many = report.datasets.length > 1;
  const rows = among.flatMap(waysOf);
  const known = (name) => rows.some((way) => way[name] !== null);
  const columns = [
    many && {
      key: "dataset",
      label: "data set",
      kind: "entry",
      value: (way) => way.dataset,
      cell: (way) => link(`data/${way.dataset}`, middleCut(way.dataset)),
      again: (way) => h("span", { class: "unseen" }, way.dataset),
    },
    { key: "model", label: "model", kind: many ? "who" : "who entry", value: (way) => way.model, cell: (way) => modelName(way.model) },
    {
      key: "way",
      label: "way",
      value: (way) => WAY_NAMES[way.way],
      cell: (way) =>
        way.way === "frozen" ? [WAY_NAMES.frozen, " ", h("small", { class: "quiet" }, `layer ${way.layer}, ${way.head}`)] : WAY_NAMES[way.way],
    },
    { key: "score", label: "score", number: true, kind: "score", value: (way) => way.test[0], cell: (way) => score(way.test[0]) },
    { key: "ends", label: "95 % interval", number: true, value: (way) => way.test[1], cell: (way) => shortInterval(way.test[1], way.test[2]) },
    known("folds") && {
      key: "folds",
      label: "single folds",
      title: "Mean ± standard deviation of the folds' own scores; the score is that of their mean prediction",
      number: true,
      value: (way) => way.folds?.mean ?? null,
      cell: (way) => (way.folds ? `${score(way.folds.mean)}${way.folds.std === null ? "" : ` ± ${score(way.folds.std)}`}` : NONE),
    },
    { key: "rank", label: "rank", title: "Among models that are used alike", number: true, value: (way) => way.rank, cell: (way) => grouped(way.rank) },
    known("over_frozen") && {
      key: "gain",
      label: "over frozen",
      number: true,
      value: (way) => way.over_frozen?.difference ?? null,
      cell: (way) => (way.way === "frozen" ? "" : gainText(way.over_frozen)),
    },
    known("over_frozen") && {
      key: "p",
      label: "p (Holm)",
      number: true,
      value: (way) => way.over_frozen?.p_holm ?? null,
      cell: (way) => (way.over_frozen ? probability(way.over_frozen.p_holm) : ""),
    },
    {
      key: "parameters",
      label: "trained parameters",
      number: true,
      value: (way) => way.trained_parameters,
      cell: (way) => grouped(way.trained_parameters),
    },
    { key: "time", label: "time", number: true, value: (way) => way.seconds, cell: (way) => timeText(way) },
    known("peak_memory_bytes") && {
      key: "memory",
      label: "peak memory",
      number: true,
      value: (way) => way.peak_memory_bytes,
      cell: (way) => (way.peak_memory_bytes === null ? NONE : bytes(way.peak_memory_bytes)),
    },
  ].filter(Boolean);
  const kind = (way, index, all) => (many && all[index - 1]?.dataset === way.dataset ? "repeat" : "first");
  return dataTable({ id: "ways", caption: "Ways to use each model: frozen, LoRA, full", columns, rows, kind });
}

/** GPU or CPU hours, or less. */
function timeText({ seconds, device }) {
  if (seconds === null) return NONE;
  const [size, unit] = [[3600, "h"], [60, "min"], [1, "s"]].find(([size]) => seconds >= size) ?? [1, "s"];
  return [`${(seconds / size).toFixed(1)} ${unit} `, h("small", { class: "quiet" }, device ?? "")];
}

function changesBlock(changes) {
  const large = changes.length === 1;
  const title = (change) => `${change.model} over ${change.base} on ${change.dataset}`;
  return figureBlock({
    name: "changes",
    title: "What training changed, layer by layer",
    note:
      "Above: score on test by layer of an adapted or fine-tuned model and of the one it began with, under the same head. Below: their " +
      "difference on the same items with its paired 95 % interval; filled where clear after Holm's correction over layers.",
    models: [...new Set(changes.flatMap((change) => [change.base, change.model]))],
    panels: changes.map((change) => ({
      label: title(change),
      draw: (width) => changeChart(change, width, large),
      height: large ? 316 : 256,
      above: () =>
        h(
          "div",
          { class: "panel-head" },
          link(`data/${change.dataset}`, middleCut(change.dataset)),
          " ",
          h("small", { class: "quiet" }, `${change.metric}, head ${change.head}`),
        ),
    })),
    table: () => ({
      columns: ["dataset", "metric", "model", "base", "head", "layer", "before", "after", "difference", "low", "high", "p_holm"],
      rows: changes.flatMap((change) =>
        change.layers.map((one) => [
          change.dataset, change.metric, change.model, change.base, change.head, one.layer, one.before[0], one.after[0],
          one.difference, one.low, one.high, one.p_holm,
        ]),
      ),
    }),
  });
}
