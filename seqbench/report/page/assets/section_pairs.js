/** Models against each other. */

function pairsSection() {
  const found = shownComparisons();
  if (!found.length && !report.not_compared.length) return null;
  const many = report.datasets.length > 1;
  return section(
    "pairs",
    "Pairs",
    found.length
      ? foldable("comparisons", `${counted(found.length, "comparison")} on the same test items`, !many, () =>
          comparisonTable("comparisons", found, many),
        )
      : null,
    report.not_compared.length
      ? foldable("not-compared", `Not compared: ${report.not_compared.length}`, false, () =>
          h(
            "ul",
            { class: "plain-list" },
            report.not_compared.map((sentence) => h("li", {}, sentence)),
          ),
        )
      : null,
  );
}

function shownComparisons() {
  return report.comparisons.filter((pair) => {
    const dataset = datasets.get(pair.dataset);
    return dataset && isShown(dataset, pair.a.model) && isShown(dataset, pair.b.model);
  });
}

/** How often models are clearly better than each other, where there is more than one data set. */
function winFigure() {
  const shown = new Set(shownModels().map((model) => model.name));
  const names = [...new Set(report.wins.map((wins) => wins.model))].filter((name) => shown.has(name));
  return names.length < 2
    ? null
    : figureBlock({
        name: "wins",
        title: "Who is clearly better than whom",
        note: "Number of data sets on which the model of the row is clearly better than that of the column, by the ranking metric.",
        panels: [
          {
            label: "How often models are clearly better than each other",
            draw: (width) => winMatrix(width, names),
            height: 70 + names.length * 26,
          },
        ],
        table: () => winTable(names),
      });
}

function winTable(names) {
  return {
    columns: ["model", "other", "clearly_better", "better", "n_datasets"],
    rows: report.wins
      .filter((wins) => names.includes(wins.model) && names.includes(wins.other))
      .map((wins) => [wins.model, wins.other, wins.clearly_better, wins.better, wins.n_datasets]),
  };
}

/** Pairs with differences, the better one first. */
function comparisonTable(id, found, withDataset) {
  const rows = found.map((pair) =>
    pair.difference >= 0
      ? pair
      : { ...pair, a: pair.b, b: pair.a, difference: -pair.difference, low: negative(pair.high), high: negative(pair.low) },
  );
  const side = ({ model, layer, head }) => [
    modelName(model),
    h("small", { class: "quiet" }, (models.get(model)?.n_layers ?? 1) > 1 ? `layer ${layer}, ${head}` : head),
  ];
  const columns = [
    withDataset && {
      key: "dataset",
      label: "data set",
      kind: "entry",
      value: (pair) => pair.dataset,
      cell: (pair) => link(`data/${pair.dataset}`, middleCut(pair.dataset)),
      again: (pair) => h("span", { class: "unseen" }, pair.dataset),
    },
    { key: "a", label: "better", kind: "who", value: (pair) => pair.a.model, cell: (pair) => side(pair.a) },
    { key: "b", label: "than", kind: "who", value: (pair) => pair.b.model, cell: (pair) => side(pair.b) },
    {
      key: "difference",
      label: "by",
      number: true,
      kind: "score",
      value: (pair) => pair.difference,
      cell: (pair) => signed(pair.difference),
    },
    {
      key: "low",
      label: "95 % interval",
      number: true,
      value: (pair) => pair.low,
      cell: (pair) => interval(pair.low, pair.high, signed),
    },
    {
      key: "p",
      label: "p (Holm)",
      number: true,
      value: (pair) => pair.p_holm,
      cell: (pair) => probability(pair.p_holm),
    },
    { key: "clear", label: "clear", value: (pair) => (pair.clear ? "yes" : "no") },
    { key: "metric", label: "metric", value: (pair) => pair.metric },
  ].filter(Boolean);
  const kind = (pair, index, all) =>
    withDataset && all[index - 1]?.dataset === pair.dataset ? "repeat" : "first";
  return dataTable({ id, caption: "Comparisons of models on the same test items", columns, rows, kind });
}

/** Names of what the reader has opened; all of it is open on paper. */
const opened = new Set();

/** A part that is folded away and built when it is opened. */
function foldable(name, title, open, build, settings = {}) {
  const inside = h("div", { class: "folded" });
  const details = h(
    "details",
    { "data-name": name, ...settings },
    h("summary", { "data-focus": `fold-${name}` }, title),
    inside,
  );
  details.build = () => {
    if (!inside.hasChildNodes()) inside.append(...[build()].flat());
  };
  details.open = open || opened.has(name);
  if (details.open) details.build();
  details.addEventListener("toggle", () => {
    if (details.open) details.build();
    if (details.open) opened.add(name);
    else opened.delete(name);
  });
  return details;
}
