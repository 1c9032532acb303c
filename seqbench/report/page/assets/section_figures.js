/** Sections that are figures over all data sets. */

/** Small panels for many data sets, one large panel for one. */
function perDataset(among, label, draw, height) {
  const large = among.length === 1;
  return among.map((dataset) => ({
    label: large ? label(dataset) : dataset.name,
    draw: (width) => draw(dataset, width, large),
    height: large ? height * 1.5 : height,
    above: large
      ? null
      : () => h("div", { class: "panel-head" }, link(`data/${dataset.name}`, middleCut(dataset.name))),
  }));
}

const LAYER_KEY =
  "★ chosen on eval · ○ best on test (the oracle) · band: 95 % interval · strips under the lines: layers that can't be told " +
  "apart from the chosen one · grey lines: controls of one layer · dashed: ceiling";

function layersSection() {
  const among = shownDatasets().filter((dataset) =>
    curvesOf(dataset).some(({ curve }) => curve.n_layers > 1),
  );
  if (!among.length) return null;
  const panels = perDataset(
    among,
    (dataset) => `${metricOf(dataset)} by layer on ${dataset.name}`,
    layerChart,
    216,
  );
  if (among.length > 1) panels.forEach((panel, index) => (panel.above = () => layerHeading(among[index])));
  return section(
    "layers",
    "Layers",
    figureBlock({
      name: "layers",
      title: "Score on test by layer",
      note: [LAYER_KEY],
      panels,
      models: shownModels(among).map((model) => model.name),
      table: () => layerTable(among),
    }),
  );
}

function matrixSection() {
  const among = shownDatasets();
  if (report.datasets.length < 2 || !among.some((dataset) => shownRows(dataset).length)) return null;
  const names = shownModels(among).map((model) => model.name);
  return section(
    "matrix",
    "Models × data sets",
    h(
      "div",
      { class: "pair even" },
      figureBlock({
        name: "scores",
        title: "Score on test",
        note:
          names.length > 1
            ? "The shade runs from the worst score of a data set to its best. Bold: nothing is clearly better."
            : null,
        panels: [
          {
            label: "Scores of models on data sets",
            draw: (width) => scoreMatrix(width, among),
            height: 60 + among.length * 26 + groups.length * 24,
          },
        ],
        table: () => scoreTable(among, names),
      }),
      h(
        "div",
        { class: "stack" },
        groups.length > 1 && names.length > 1
          ? figureBlock({
              name: "ranks-by-group",
              title: "Average rank by group",
              note: "Where rows differ, the overall ranking misleads. Bold: the lowest average rank.",
              panels: [
                {
                  label: "Average ranks of models by group of data sets",
                  draw: rankMatrix,
                  height: 60 + groups.length * 26,
                },
              ],
              table: rankTable,
            })
          : null,
        winFigure(),
      ),
    ),
  );
}

function scoreTable(among, names) {
  const rows = among.flatMap((dataset) =>
    names.map((name) => {
      const row = shownRows(dataset).find((found) => found.model === name);
      const status = row ? "ok" : failuresOf(dataset.name, name).length ? "failed" : "missing";
      return [
        dataset.name,
        dataset.group,
        name,
        metricOf(dataset),
        row?.choice.test.value ?? null,
        row?.choice.test.low ?? null,
        row?.choice.test.high ?? null,
        row?.choice.layer ?? null,
        row?.rank ?? null,
        status,
      ];
    }),
  );
  return {
    columns: ["dataset", "group", "model", "metric", "value", "low", "high", "layer", "rank", "status"],
    rows,
  };
}

function rankTable() {
  return {
    columns: ["scope", "model", "average_rank", "n_datasets"],
    rows: [report.overall, ...groups].flatMap((scope) =>
      standingsOf(scope).map((row) => [scope, row.model, row.average_rank, row.n_datasets]),
    ),
  };
}

function gainsSection() {
  const among = shownDatasets();
  const kinds = Object.keys(GAIN_KINDS).filter((kind) => gainRows(among, kind).length);
  if (!kinds.length) return null;
  return section(
    "gains",
    "What pre-training bought",
    note(
      "Score minus that of the control on the same test items; right of zero the model is better. Hollow dots: can't be told apart from the control.",
    ),
    h(
      "div",
      { class: kinds.length > 1 ? "pair even" : "block" },
      kinds.map((kind) => {
        const rows = gainRows(among, kind);
        return figureBlock({
          name: `gain-${kind}`,
          title: `Gain ${GAIN_KINDS[kind]}`,
          models: [...new Set(rows.flatMap(({ found }) => found.map(({ row }) => row.model)))],
          panels: [
            {
              label: `Gain ${GAIN_KINDS[kind]}, by data set`,
              draw: (width) => gainChart(width, among, kind),
              height: 60 + rows.length * 28,
            },
          ],
          table: () => gainTable(among, kind),
        });
      }),
    ),
  );
}

function trainingSection() {
  const among = shownDatasets();
  const learned = among.filter((dataset) => learningOf(dataset).length);
  const sized = among.filter((dataset) => efficiencyOf(dataset).length);
  const verdicts = verdictRows();
  if (!learned.length && !sized.length && !verdicts.length) return null;
  const names = shownModels(among).map((model) => model.name);
  return section(
    "training",
    "Training",
    h(
      "div",
      { class: isAlone() ? "pair even" : "stack" },
      learned.length
        ? figureBlock({
            name: "learning-curves",
            title: "Learning curves of the chosen layers",
            models: names,
            note: "Loss by epoch: thick on eval, thin on train; the dot is the epoch chosen on eval.",
            panels: perDataset(learned, (dataset) => `Loss by epoch on ${dataset.name}`, learningChart, 190),
            table: () => learningTable(learned),
          })
        : null,
      sized.length
        ? figureBlock({
            name: "data-efficiency",
            title: "Score by number of training items",
            models: names,
            note: "Score on test after training on a part of train; the band is the standard deviation over seeds and draws.",
            panels: perDataset(
              sized,
              (dataset) => `Score by training items on ${dataset.name}`,
              efficiencyChart,
              190,
            ),
            table: () => efficiencyTable(sized),
          })
        : null,
    ),
    verdicts.length ? verdictTable(verdicts) : null,
  );
}

const VERDICTS = ["converged", "still improving", "overfitting", "unstable", "degenerate"];

/** Probes by model and verdict on their training. */
function verdictRows() {
  const found = new Map();
  for (const { dataset, model, counts } of report.verdicts) {
    if (!datasets.has(dataset) || !isShown(datasets.get(dataset), model)) continue;
    if (!found.has(model)) found.set(model, { model, counts: {} });
    const sums = found.get(model).counts;
    for (const [verdict, count] of Object.entries(counts)) sums[verdict] = (sums[verdict] ?? 0) + count;
  }
  return [...found.values()];
}

function verdictTable(rows) {
  const there = VERDICTS.filter((verdict) => rows.some((row) => row.counts[verdict]));
  const columns = [
    {
      key: "model",
      label: "model",
      kind: "who entry",
      value: (row) => row.model,
      cell: (row) => modelName(row.model),
    },
    ...there.map((verdict) => ({
      key: slug(verdict),
      label: verdict,
      number: true,
      value: (row) => row.counts[verdict] ?? 0,
      cell: (row) => grouped(row.counts[verdict] ?? 0),
    })),
  ];
  return h(
    "div",
    { class: "block" },
    h("h3", {}, "How probes were trained"),
    note("Number of probes by the verdict on their learning curve."),
    dataTable({ id: "verdicts", caption: "Probes by model and verdict", columns, rows, compact: true }),
  );
}
