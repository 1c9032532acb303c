/** A fold for each data set: facts, labels, lengths, who stands where, and what is not there. */

/** Whether the sections above are about one data set and say the same as its own would. */
function isAlone() {
  return report.datasets.length === 1;
}

function datasetsSection() {
  const among = shownDatasets();
  if (!among.length) return null;
  return section("datasets", "Data sets", among.map((dataset) =>
    foldable(`data/${dataset.name}`, datasetTitle(dataset), among.length === 1, () => datasetContent(dataset), { id: `section-data/${dataset.name}`, class: "dataset" })));
}

function datasetTitle(dataset) {
  const [best] = shownRows(dataset).filter((row) => row.place !== null);
  return [
    h("h3", {}, dataset.name),
    h("span", { class: "quiet" }, `${dataset.group === dataset.task ? "" : `${dataset.group} · `}${dataset.task} · ${grouped(dataset.n_train + dataset.n_eval + dataset.n_test)} items`),
    best ? h("span", { class: "quiet answer" }, `${score(best.choice.test.value)} ${metricOf(dataset)} · ${best.model}`) : null,
  ];
}

function datasetContent(dataset) {
  return [
    factList(dataset),
    h("div", { class: "pair even" }, contentFigures(dataset)),
    isAlone() ? null : outcomeBlocks(dataset),
    embeddingBlock(dataset),
    absentBlock(dataset),
  ].flat().filter(Boolean);
}

/** Who stands where, layer by layer, how it was trained, and what was compared. */
function outcomeBlocks(dataset) {
  const rows = shownRows(dataset);
  const pairsHere = shownComparisons().filter((pair) => pair.dataset === dataset.name);
  const id = slug(dataset.name);
  return [
    rows.length ? h("div", { class: "block" }, h("h4", {}, `Leaderboard by ${metricOf(dataset)}`),
      dataTable({ id: `board-${dataset.name}`, caption: `Leaderboard of ${dataset.name}`, columns: [...boardColumns(rows, false), ...moreColumns(rows)], rows, kind: boardKind })) : null,
    curvesOf(dataset).some(({ curve }) => curve.n_layers > 1) ? figureBlock({
      name: `layers-${id}`, title: "Score on test by layer", note: LAYER_KEY, level: 4, models: curvesOf(dataset).map(({ model }) => model),
      panels: [{ label: `${metricOf(dataset)} by layer on ${dataset.name}`, draw: (width) => layerChart(dataset, width, true), height: 400 }],
      table: () => layerTable([dataset]),
    }) : null,
    h("div", { class: "pair even" }, trainingFigures(dataset)),
    pairsHere.length ? h("div", { class: "block" }, h("h4", {}, "Pairs on the same test items"), comparisonTable(`pairs-${dataset.name}`, pairsHere, false)) : null,
  ];
}

function factList(dataset) {
  const ceiling = dataset.ceiling[metricOf(dataset)];
  const facts = [
    ["task", dataset.task],
    ["group", dataset.group],
    ["ranked by", dataset.metric ?? "not ranked: its task lacks the metric"],
    ["items", `${grouped(dataset.n_train)} train · ${dataset.n_eval ? `${grouped(dataset.n_eval)} eval` : "eval held out of train"} · ${grouped(dataset.n_test)} test`],
    dataset.n_seqs > 1 ? ["sequences an item", String(dataset.n_seqs)] : null,
    dataset.alphabet ? ["alphabet", dataset.alphabet] : null,
    ceiling === undefined ? null : ["best attainable", `${score(ceiling)} ${metricOf(dataset)}`],
    ["SHA-256", h("code", {}, dataset.sha256)],
  ];
  return h("dl", { class: "facts" }, facts.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function contentFigures(dataset) {
  const id = slug(dataset.name);
  const boxes = (name, title, rows, label) => (rows.length ? figureBlock({
    name: `${name}-${id}`, title, level: 4, panels: [{ label: `${title} of ${dataset.name} by split`, draw: (width) => boxChart(width, rows, label), height: 44 + rows.length * 30 }],
    table: () => boxTable(rows),
  }) : null);
  const counted = splitsOf(dataset).filter((split) => split.label_counts);
  return [
    counted.length ? figureBlock({
      name: `labels-${id}`, title: "Labels", level: 4,
      panels: [{ label: `Share of items with each label of ${dataset.name}, by split`, draw: (width) => labelChart(dataset, width), height: 26 + counted.length * 72 }],
      table: () => labelTable(dataset),
    }) : null,
    boxes("targets", "Targets", targetRows(dataset), "target"),
    boxes("lengths", "Lengths", lengthRows(dataset), "letters of a sequence"),
  ];
}

/** Columns that only a data set's own board has: the test against its best row, and selectivity. */
function moreColumns(rows) {
  const [first] = rows;
  const against = (row) => (row === first ? null : lookUp(pairs, row.dataset.name, row.metric, first.model, row.model)?.p_holm ?? null);
  const selectivity = (row) => report.selectivity.find((found) => found.dataset === row.dataset.name && found.model === row.model
    && found.head === row.head && found.metric === row.metric)?.selectivity ?? null;
  return [
    rows.some((row) => row.tested && against(row) !== null) && { key: "p", label: "p against first", number: true, title: "Holm-corrected", value: against, cell: (row) => probability(against(row)) },
    rows.some((row) => selectivity(row) !== null) && { key: "selectivity", label: "selectivity", number: true,
      title: "How much better than the same probe trained on shuffled labels", value: selectivity, cell: (row) => signed(selectivity(row)) },
  ].filter(Boolean);
}

function trainingFigures(dataset) {
  const id = slug(dataset.name);
  const one = (name, title, draw, table, there) => (there.length ? figureBlock({
    name: `${name}-${id}`, title, level: 4, models: there.map((curve) => curve.model),
    panels: [{ label: `${title}, ${dataset.name}`, draw: (width) => draw(dataset, width, true), height: 280 }], table: () => table([dataset]),
  }) : null);
  return [
    one("learning", "Learning curves of the chosen layers", learningChart, learningTable, learningOf(dataset)),
    one("efficiency", "Score by number of training items", efficiencyChart, efficiencyTable, efficiencyOf(dataset)),
  ];
}

function embeddingBlock(dataset) {
  const rows = report.embeddings.filter((entry) => entry.dataset === dataset.name && isShown(dataset, entry.model));
  if (!rows.length) return null;
  const number = (key, label, write, title) => ({ key, label, title, number: true, value: (row) => row[key], cell: (row) => (row[key] === null ? NONE : write(row[key])) });
  const columns = [
    { key: "model", label: "model", kind: "who entry", value: (row) => row.model, cell: (row) => modelName(row.model) },
    { key: "split", label: "split", value: (row) => row.split },
    number("n_items", "items", grouped),
    number("coverage_mean", "coverage", (value) => percent(value, 1), "Share of a sequence that the model saw, mean over items"),
    number("coverage_min", "least", (value) => percent(value, 1), "The least covered item"),
    number("tokens", "tokens", grouped),
    number("tokens_per_s", "tokens/s", grouped),
    number("seconds", "seconds", score),
    number("bytes", "size", bytes),
    { key: "device", label: "device", value: (row) => row.device },
    { key: "dtype", label: "dtype", value: (row) => row.dtype },
  ];
  return h("div", { class: "block" }, h("h4", {}, "Embedding"), dataTable({ id: `embedding-${dataset.name}`, caption: `Embedding of ${dataset.name}`, columns, rows }));
}

function absentBlock(dataset) {
  const failed = report.failed.filter((failure) => failure.dataset === dataset.name);
  const missing = report.missing.filter((entry) => entry.dataset === dataset.name);
  if (!failed.length && !missing.length) return null;
  return h("div", { class: "block" }, h("h4", {}, "Not there"), h("ul", { class: "plain-list" },
    failed.map((failure) => h("li", {}, h("b", {}, failure.model), ` (${failure.head}), ${counted(failure.n_probes, "probe")} failed: ${failure.reason}`)),
    missing.map((entry) => h("li", {}, h("b", {}, entry.model), ` (${entry.head}): no results`))));
}
