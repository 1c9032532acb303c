/** Boards by scores on the test items that an audit has nothing against, beside those on all of them. */

/**
 * @typedef {Row} CleanRow  its choice is what the ranking metric chose, whatever metric is shown
 * @property {Score} clean
 * @property {number|null} n_items
 * @property {number|null} n_clean
 * @property {[string, string]|null} why   there is no score on clean items, in short and in full
 * @property {boolean} leads
 */

function onCleanItems() {
  return state.items === "clean";
}

/** What a board shows: rows by the choice between all and clean test items. */
function boardRows(dataset) {
  return onCleanItems() ? cleanRows(dataset) : shownRows(dataset);
}

/** Rows of a data set by score on clean test items; those without one come last. @returns {CleanRow[]} */
function cleanRows(dataset) {
  const metric = metricOf(dataset);
  const sign = orientation(dataset.task, metric);
  const number = ({ clean }) => (clean.value === null ? -Infinity : sign * clean.value);
  const rows = rowsAsRanked(dataset)
    .map((row) => withClean(dataset, row, metric))
    .sort((a, b) => (number(a) === number(b) ? 0 : number(b) - number(a)));
  const values = rows.map((row) => row.clean.value);
  const none = values.every((value) => value === null);
  return rows
    .map((row, index) => {
      const place = row.clean.value === null ? null : values.indexOf(row.clean.value) + 1;
      const shared = place !== null && values.filter((value) => value === row.clean.value).length > 1;
      return { ...row, place, rank: place, shared, leads: none ? index === 0 : place === 1 };
    })
    .filter((row) => isShown(dataset, row.model));
}

/** Scores on clean items are of the layers and heads that the ranking metric chose. */
function rowsAsRanked(dataset) {
  const ranked = report.leaderboard.filter((row) => row.dataset === dataset.name);
  return state.head === "" && ranked.length ? ranked : boardOf(dataset);
}

function withClean(dataset, row, metric) {
  const found = lookUp(cleans, dataset.name, row.model, row.head);
  const same = { ...row, dataset, metric, tested: false, asGood: null };
  if (!found?.metrics[metric]) {
    const curve = lookUp(curves, dataset.name, row.model, row.head);
    const choice = { ...row.choice, test: scoreAt(curve, metric, row.choice.layer) };
    const why = withoutCleanWhy(dataset) ?? ["another head", "Known for the head that is best on eval only"];
    return { ...same, choice, clean: ends([null, null, null]), n_items: null, n_clean: null, why };
  }
  const [full, clean, reason] = found.metrics[metric];
  return {
    ...same,
    choice: { ...row.choice, layer: found.layer, test: ends(full) },
    clean: ends(clean),
    n_items: found.n_items,
    n_clean: found.n_clean,
    why: reason && [reason, reason],
  };
}

function ends([value, low, high]) {
  return { value, low, high };
}

/** How much better a row is on clean items than on all. */
function cleanChange({ dataset, metric, choice, clean }) {
  if (clean.value === null || choice.test.value === null) return null;
  return orientation(dataset.task, metric) * (clean.value - choice.test.value);
}

/** @param {CleanRow[]} rows  @returns {Column[]} */
function cleanColumns(rows, withDataset) {
  const kept = ["dataset", "rank", "model", "head", "layer", "metric"];
  const shared = boardColumns(rows, withDataset).filter((column) => kept.includes(column.key));
  const before = shared.filter((column) => column.key !== "metric");
  const place = { label: "place", title: "By score on clean items; not tested" };
  const rank = before.find((column) => column.key === "rank");
  if (rank) Object.assign(rank, place);
  const metric = shared.find((column) => column.key === "metric");
  return [
    ...before,
    {
      key: "score",
      label: "all items",
      number: true,
      title: "Score of the chosen layer on all test items",
      value: (row) => row.choice.test.value,
      cell: (row) => score(row.choice.test.value),
    },
    {
      key: "clean",
      label: "clean items",
      number: true,
      kind: "score",
      title: "Score of the same layer on the clean test items",
      value: (row) => row.clean.value,
      cell: (row) => h("span", { title: row.why?.[1] }, score(row.clean.value)),
    },
    metric ?? null,
    {
      key: "interval",
      label: "95 % interval, clean",
      kind: "range-cell",
      value: (row) => row.clean.low,
      cell: (row) =>
        row.why
          ? h("span", { class: "quiet why", title: row.why[1] }, row.why[0])
          : [cleanStrip(row), h("small", { class: "quiet" }, shortInterval(row.clean.low, row.clean.high))],
    },
    {
      key: "change",
      label: "change",
      number: true,
      title: "How much better on the clean items than on all; not tested",
      value: cleanChange,
      cell: (row) => signed(cleanChange(row)),
    },
    {
      key: "items",
      label: "clean of test items",
      number: true,
      value: (row) => row.n_clean,
      cell: (row) =>
        row.n_clean === null
          ? NONE
          : h("span", {}, grouped(row.n_clean), h("span", { class: "quiet" }, ` of ${grouped(row.n_items)}`)),
    },
  ].filter(Boolean);
}

/** The score on clean items with its interval, and as a ring the one on all, on the data set's common scale. */
function cleanStrip(row) {
  if (row.clean.value === null) return null;
  const all = cleanRows(row.dataset).flatMap(({ choice, clean }) => [
    choice.test.value,
    clean.value,
    clean.low,
    clean.high,
  ]);
  const x = linear(extent(all, 0.02), [6, 70]);
  const { value } = row.choice.test;
  return scoreStrip(row.model, x, row.clean, value === null ? null : ring(x(value), 7, 3));
}

/** All or clean items, where any data set has scores on clean ones. @param {string} place  on the page, for the keyboard */
function itemsSwitch(place) {
  if (!report.clean.length) return null;
  const option = (items, text) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(state.items === items),
        "data-focus": `items-${items || "all"}-${place}`,
        on: { click: () => change({ items }) },
      },
      text,
    );
  return h(
    "div",
    { class: "switch", role: "group", "aria-label": "Scores on" },
    option("", "All test items"),
    option("clean", "Clean items"),
  );
}

const CLEAN_NOTE =
  "Places are by score on the clean test items, those that the audit has nothing against (○: on all); layers and " +
  "heads as the ranking metric chose them. Tests, ranks, standings and comparisons are for all test items only.";
