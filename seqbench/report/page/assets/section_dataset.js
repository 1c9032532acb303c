/** A fold for each data set: facts, labels, lengths, who stands where, and what is not there. */

/** Whether the sections above are about one data set and say the same as its own would. */
function isAlone() {
  return report.datasets.length === 1;
}

function datasetsSection() {
  const among = shownDatasets();
  if (!among.length) return null;
  return section(
    "datasets",
    "Data sets",
    among.map((dataset) =>
      foldable(
        `data/${dataset.name}`,
        datasetTitle(dataset),
        among.length === 1,
        () => datasetContent(dataset),
        { id: `section-data/${dataset.name}`, class: "dataset" },
      ),
    ),
  );
}

function datasetTitle(dataset) {
  const [best] = shownRows(dataset).filter((row) => row.place !== null);
  return [
    h("h3", {}, dataset.name),
    titleVerdict(dataset),
    h(
      "span",
      { class: "quiet" },
      `${dataset.group === dataset.task ? "" : `${dataset.group} · `}${dataset.task} · ${grouped(dataset.n_train + dataset.n_eval + dataset.n_test)} items`,
    ),
    best
      ? h(
          "span",
          { class: "quiet answer" },
          `${score(best.choice.test.value)} ${metricOf(dataset)} · ${best.model}`,
        )
      : null,
  ];
}

/** The audit's verdict, where it says anything against the data. */
function titleVerdict(dataset) {
  const audit = audits.get(dataset.name);
  if (!audit || audit.verdict === "green") return null;
  const tag = verdictTag(audit.verdict, audit.verdict === "red" ? alarmText(audit) : null);
  return audit.is_current ? tag : [tag, h("span", { class: "tag" }, "older data")];
}

function datasetContent(dataset) {
  return [
    factList(dataset),
    auditBlock(dataset),
    h("div", { class: "pair even" }, contentFigures(dataset)),
    isAlone() ? null : outcomeBlocks(dataset),
    embeddingBlock(dataset),
    absentBlock(dataset),
  ]
    .flat()
    .filter(Boolean);
}

/** Who stands where, layer by layer, how it was trained, and what was compared. */
function outcomeBlocks(dataset) {
  const rows = boardRows(dataset);
  const pairsHere = shownComparisons().filter((pair) => pair.dataset === dataset.name);
  const id = slug(dataset.name);
  return [
    rows.length
      ? h(
          "div",
          { class: "block" },
          h(
            "div",
            { class: "figure-head" },
            h("h4", {}, `Leaderboard by ${metricOf(dataset)}`),
            itemsSwitch(dataset.name),
          ),
          onCleanItems() ? note(CLEAN_NOTE) : null,
          dataTable({
            id: `board-${dataset.name}`,
            caption: `Leaderboard of ${dataset.name}`,
            columns: onCleanItems()
              ? cleanColumns(rows, false)
              : [...boardColumns(rows, false), ...moreColumns(rows)],
            rows,
            kind: boardKind,
          }),
        )
      : null,
    curvesOf(dataset).some(({ curve }) => curve.n_layers > 1)
      ? figureBlock({
          name: `layers-${id}`,
          title: "Score on test by layer",
          note: LAYER_KEY,
          level: 4,
          models: curvesOf(dataset).map(({ model }) => model),
          panels: [
            {
              label: `${metricOf(dataset)} by layer on ${dataset.name}`,
              draw: (width) => layerChart(dataset, width, true),
              height: 400,
            },
          ],
          table: () => layerTable([dataset]),
        })
      : null,
    h("div", { class: "pair even" }, trainingFigures(dataset)),
    pairsHere.length
      ? h(
          "div",
          { class: "block" },
          h("h4", {}, "Pairs on the same test items"),
          comparisonTable(`pairs-${dataset.name}`, pairsHere, false),
        )
      : null,
  ];
}

/** Columns that only a data set's own board has: the test against its best row, and selectivity. */
function moreColumns(rows) {
  const [first] = rows;
  const against = (row) =>
    row === first
      ? null
      : (lookUp(pairs, row.dataset.name, row.metric, first.model, row.model)?.p_holm ?? null);
  const selectivity = (row) =>
    report.selectivity.find(
      (found) =>
        found.dataset === row.dataset.name &&
        found.model === row.model &&
        found.head === row.head &&
        found.metric === row.metric,
    )?.selectivity ?? null;
  return [
    rows.some((row) => row.tested && against(row) !== null) && {
      key: "p",
      label: "p against first",
      number: true,
      title: "Holm-corrected",
      value: against,
      cell: (row) => probability(against(row)),
    },
    rows.some((row) => selectivity(row) !== null) && {
      key: "selectivity",
      label: "selectivity",
      number: true,
      title: "How much better than the same probe trained on shuffled labels",
      value: selectivity,
      cell: (row) => signed(selectivity(row)),
    },
  ].filter(Boolean);
}

function trainingFigures(dataset) {
  const id = slug(dataset.name);
  const one = (name, title, draw, table, there) =>
    there.length
      ? figureBlock({
          name: `${name}-${id}`,
          title,
          level: 4,
          models: there.map((curve) => curve.model),
          panels: [
            { label: `${title}, ${dataset.name}`, draw: (width) => draw(dataset, width, true), height: 280 },
          ],
          table: () => table([dataset]),
        })
      : null;
  return [
    one(
      "learning",
      "Learning curves of the chosen layers",
      learningChart,
      learningTable,
      learningOf(dataset),
    ),
    one(
      "efficiency",
      "Score by number of training items",
      efficiencyChart,
      efficiencyTable,
      efficiencyOf(dataset),
    ),
  ];
}

function absentBlock(dataset) {
  const failed = report.failed.filter((failure) => failure.dataset === dataset.name);
  const missing = report.missing.filter((entry) => entry.dataset === dataset.name);
  if (!failed.length && !missing.length) return null;
  return h(
    "div",
    { class: "block" },
    h("h4", {}, "Not there"),
    h(
      "ul",
      { class: "plain-list" },
      failed.map((failure) =>
        h(
          "li",
          {},
          h("b", {}, failure.model),
          ` (${failure.head}), ${counted(failure.n_probes, "probe")} failed: ${failure.reason}`,
        ),
      ),
      missing.map((entry) => h("li", {}, h("b", {}, entry.model), ` (${entry.head}): no results`)),
    ),
  );
}
