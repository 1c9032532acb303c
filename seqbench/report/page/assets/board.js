/** Columns of the leaderboards. */

/** Letters of a name that a table shows. */
const LONG_NAME = 34;

/** A name without its middle where it is long: ends tell names apart. */
function middleCut(name) {
  return name.length > LONG_NAME ? `${name.slice(0, LONG_NAME / 2)}…${name.slice(1 - LONG_NAME / 2)}` : name;
}

/** Name of a model with its look. */
function modelName(name) {
  const model = models.get(name);
  return h(
    "span",
    { class: "model" },
    model ? swatch(name) : null,
    h("span", { title: name.length > LONG_NAME ? name : null }, middleCut(name)),
    model?.control ? h("span", { class: "tag" }, "control") : null,
  );
}

function layerText({ n_layers: count, choice }) {
  return count > 1
    ? h("span", {}, String(choice.layer), h("span", { class: "quiet" }, `/${count - 1}`))
    : NONE;
}

/** A gain and half the width of its interval; grey where it can't be told from nothing. */
function gainText(gain) {
  if (!gain) return NONE;
  const half = gain.low === null ? null : (gain.high - gain.low) / 2;
  const ends = half === null ? "no interval" : `95 % interval ${interval(gain.low, gain.high, signed)}`;
  const title = gain.p_holm === null ? null : `${ends}, p (Holm) ${probability(gain.p_holm)}`;
  return h(
    "span",
    { title, class: gain.clear === false ? "unsure" : null },
    signed(gain.difference),
    half === null ? null : h("small", { class: "quiet" }, `± ${score(half)}`),
  );
}

/** Score and interval on the scale that all rows of the data set share. */
function strip(row) {
  const { test } = row.choice;
  if (test.value === null) return null;
  const ceiling = row.dataset.ceiling[row.metric] ?? null;
  const ends = shownRows(row.dataset).flatMap(({ choice }) => [
    choice.test.value,
    choice.test.low,
    choice.test.high,
  ]);
  const x = linear(extent([...ends, ceiling], 0.02), [2, 74]);
  return scoreStrip(row.model, x, test, ceiling === null ? null : stroke(x(ceiling), 1, x(ceiling), 13, "ceiling"));
}

/** A score and its interval as marks in a table's cell. @param {(value: number) => number} x  to 2 … 74 */
function scoreStrip(model, x, { value, low, high }, more) {
  return s(
    "svg",
    { class: "strip", viewBox: "0 0 76 14", width: 76, height: 14, "aria-hidden": "true", vars: look(model) },
    stroke(2, 7, 74, 7, "track"),
    low === null ? null : stroke(x(low), 7, x(high), 7, "range"),
    stroke(x(value), 1.5, x(value), 12.5, "point"),
    more,
  );
}

/** @param {Row[]} rows  @param {boolean} withDataset  @returns {Column[]} */
function boardColumns(rows, withDataset) {
  const metrics = new Set(rows.map((row) => row.metric));
  const gainsThere = (kind) => report.gains.some((gain) => gain.kind === kind);
  return [
    withDataset && {
      key: "dataset",
      label: "data set",
      kind: "entry",
      value: (row) => row.dataset.name,
      cell: (row) => [
        link(`data/${row.dataset.name}`, middleCut(row.dataset.name)),
        " ",
        redMark(row.dataset),
      ],
      again: (row) => h("span", { class: "unseen" }, row.dataset.name),
    },
    haveRivals(rows) && {
      key: "rank",
      label: "rank",
      number: true,
      kind: "rank",
      title: "Models that can't be told apart share a rank",
      value: (row) => row.rank,
      cell: rankText,
    },
    {
      key: "model",
      label: "model",
      kind: "who",
      value: (row) => row.model,
      cell: (row) => modelName(row.model),
    },
    report.heads.length > 1 && { key: "head", label: "head", value: (row) => row.head },
    {
      key: "layer",
      label: "layer",
      number: true,
      title: "Chosen on eval, of the model's last layer",
      value: (row) => (row.n_layers > 1 ? row.choice.layer : null),
      cell: layerText,
    },
    report.layers.length > 0 && {
      key: "good",
      label: "as good",
      number: true,
      title: "Number of other layers that can't be told apart from the chosen one on test",
      value: (row) => row.asGood,
      cell: (row) => (row.asGood === null ? NONE : String(row.asGood)),
    },
    {
      key: "score",
      label: metrics.size > 1 ? "test" : [...metrics][0],
      number: true,
      kind: "score",
      title: "Score of the chosen layer on test",
      value: (row) => row.choice.test.value,
      cell: (row) => score(row.choice.test.value),
    },
    metrics.size > 1 && { key: "metric", label: "metric", kind: "quiet aside", value: (row) => row.metric },
    {
      key: "interval",
      label: "95 % interval",
      kind: "range-cell",
      value: (row) => row.choice.test.low,
      cell: (row) => [
        strip(row),
        h(
          "small",
          { class: "quiet", title: row.choice.test.reason },
          shortInterval(row.choice.test.low, row.choice.test.high) ||
            (row.choice.test.reason ? "no interval" : ""),
        ),
      ],
    },
    gainsThere("untrained") && {
      key: "untrained",
      label: "over untrained",
      number: true,
      kind: "gain",
      title: "How much better than its untrained twin",
      value: (row) => gainOf(row, "untrained")?.difference ?? null,
      cell: (row) => gainText(gainOf(row, "untrained")),
    },
    gainsThere("kmer") && {
      key: "kmer",
      label: "over k-mers",
      number: true,
      kind: "gain",
      title: "How much better than the best k-mer model",
      value: (row) => gainOf(row, "kmer")?.difference ?? null,
      cell: (row) => gainText(gainOf(row, "kmer")),
    },
    {
      key: "gap",
      label: "oracle gap",
      number: true,
      title: "What knowing the best layer on test would have brought",
      value: (row) => (row.n_layers > 1 ? row.choice.gap : null),
      cell: (row) => (row.n_layers > 1 ? score(row.choice.gap) : NONE),
    },
  ].filter(Boolean);
}

/** Classes of a board's row: where a data set starts, who leads, who is a control. */
function boardKind(row, index, rows) {
  const repeats = index > 0 && rows[index - 1]?.dataset === row.dataset;
  return [row.rank === 1 ? "best" : "", row.control ? "control" : "", repeats ? "repeat" : "first"]
    .join(" ")
    .trim();
}

/** `over 1 of 2` where averages are not over all data sets. */
function overText({ n_datasets: mine, n_in_scope: all }) {
  return mine < all ? `over ${mine} of ${all}` : "";
}

/** Columns of standings over data sets. @returns {Column[]} */
function standingColumns(scope, standings) {
  const inside = shownDatasets().filter((dataset) => scope === report.overall || dataset.group === scope);
  const gainsBy = (kind) =>
    new Map(
      standings.map(({ model }) => [
        model,
        inside.flatMap((dataset) => {
          const row = boardOf(dataset).find((found) => found.model === model);
          return row ? (gainOf(row, kind)?.difference ?? []) : [];
        }),
      ]),
    );
  const gainColumn = (kind, label, key) => {
    const all = gainsBy(kind);
    const range = extent([0, ...[...all.values()].flat()]);
    if (![...all.values()].some((values) => values.length)) return null;
    const shown = (standing) => standing[key] ?? median(all.get(standing.model));
    return {
      key,
      label,
      number: true,
      kind: "gain strip-cell",
      value: shown,
      title: `Mean gain over ${kind === "kmer" ? "k-mers" : "the untrained twin"} (median where metrics differ); a dot a data set`,
      cell: (standing) => [signed(shown(standing)), gainStrip(all.get(standing.model), range)],
    };
  };
  const depth = ({ model }) => median(depthsOf(model, inside));
  return [
    {
      key: "model",
      label: "model",
      kind: "who entry",
      value: (row) => row.model,
      cell: (row) => modelName(row.model),
    },
    {
      key: "rank",
      label: "average rank",
      number: true,
      kind: "score",
      title: "Mean of its ranks by test score, over the data sets on which it has one",
      value: (row) => row.average_rank,
      cell: (row) =>
        row.average_rank === null
          ? NONE
          : h(
              "span",
              {},
              row.average_rank.toFixed(2),
              overText(row) ? h("small", { class: "quiet" }, ` ${overText(row)}`) : null,
            ),
    },
    {
      key: "first",
      label: "first on",
      number: true,
      title: "Data sets on which nothing is clearly better",
      value: (row) => row.n_first,
      cell: (row) => h("span", {}, String(row.n_first), h("span", { class: "quiet" }, `/${row.n_scored}`)),
    },
    standings.some((row) => row.mean_score !== null) && {
      key: "mean",
      label: "mean score",
      number: true,
      value: (row) => row.mean_score,
      cell: (row) => score(row.mean_score),
    },
    {
      key: "depth",
      label: "chosen depth",
      number: true,
      title: "Median depth of the layers chosen on eval: 0 % the input, 100 % the last layer",
      value: depth,
      cell: (row) => percent(depth(row)),
    },
    gainColumn("untrained", "over untrained", "gain_untrained"),
    gainColumn("kmer", "over k-mers", "gain_kmer"),
  ].filter(Boolean);
}
